
$open = @($outcomes.Values | Where-Object { $_ -notin 'applied', 'already so' })
Write-Host ''
Write-Host "$($outcomes.Count - $open.Count) of $($outcomes.Count) steps are done."
if ($open.Count -gt 0) { exit 1 }
