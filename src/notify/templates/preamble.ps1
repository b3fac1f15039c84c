#
# Each step is carried out only where the directory still is as the plan saw it, so this script may
# be run again at any time. A step that finds its work done says "already so"; one that finds
# something else says "conflict" and changes nothing.
#
#     .\changes.ps1                           any writable domain controller
#     .\changes.ps1 -Server dc1.city.example  this one

#Requires -Version 5.1
#Requires -Modules ActiveDirectory

[CmdletBinding()]
param(
    # The domain controller all steps talk to, so that each sees what the one before it wrote.
    [string] $Server
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

if (-not $Server) {
    $Server = @((Get-ADDomainController -Discover -Writable).HostName)[0]
}
$PSDefaultParameterValues = @{ '*-AD*:Server' = $Server }
$outcomes = [ordered] @{}

# The entry of that GUID or name; nothing where there is none.
function Find-Entry([string] $Identity) {
    try {
        Get-ADObject -Identity $Identity
    } catch [Microsoft.ActiveDirectory.Management.ADIdentityNotFoundException] {
        $null
    }
}

# A value as LDAP writes it.
function ConvertTo-Text($Value) {
    if ($Value -is [bool]) { return ([string] $Value).ToUpperInvariant() }
    if ($Value -is [byte[]]) { return [Convert]::ToBase64String($Value) }
    if ($Value -is [datetime]) {
        return $Value.ToUniversalTime().ToString('yyyyMMddHHmmss\.0\Z', [cultureinfo]::InvariantCulture)
    }
    return [string] $Value
}

# The values an attribute holds now; fails where there is no such entry.
function Get-Values([string] $Identity, [string] $Name) {
    $entry = Get-ADObject -Identity $Identity -Properties $Name
    $property = $entry.PSObject.Properties[$Name]
    if ($null -eq $property -or $null -eq $property.Value) { return }
    if ($property.Value -is [byte[]]) { return ConvertTo-Text $property.Value }
    foreach ($value in $property.Value) { ConvertTo-Text $value }
}

# Whether an attribute holds every one of these values, spelled exactly so.
function Test-Values([string] $Identity, [string] $Name, [object[]] $Values) {
    $held = @(Get-Values $Identity $Name)
    foreach ($value in $Values) {
        if ($held -cnotcontains (ConvertTo-Text $value)) { return $false }
    }
    return $true
}

# Whether an attribute holds none of these values.
function Test-NoValues([string] $Identity, [string] $Name, [object[]] $Values) {
    $held = @(Get-Values $Identity $Name)
    foreach ($value in $Values) {
        if ($held -ccontains (ConvertTo-Text $value)) { return $false }
    }
    return $true
}

# Whether an attribute has no value.
function Test-Absent([string] $Identity, [string] $Name) {
    return 0 -eq @(Get-Values $Identity $Name).Count
}

# Whether an attribute points to every one of these entries, however their names are spelled.
function Test-Link([string] $Identity, [string] $Name, [string[]] $Targets) {
    $held = @(Get-Values $Identity $Name | ForEach-Object { (Get-ADObject -Identity $_).ObjectGUID })
    foreach ($target in $Targets) {
        if ($held -notcontains (Get-ADObject -Identity $target).ObjectGUID) { return $false }
    }
    return $true
}

# Whether an attribute points to none of these entries.
function Test-NoLink([string] $Identity, [string] $Name, [string[]] $Targets) {
    foreach ($target in $Targets) {
        if (($null -ne (Find-Entry $target)) -and (Test-Link $Identity $Name $target)) { return $false }
    }
    return $true
}

# Whether an account of that name stands there and has that login.
function Test-Login([string] $Name, [string] $Login) {
    return ($null -ne (Find-Entry $Name)) -and ((Get-ADUser -Identity $Name).SamAccountName -eq $Login)
}

# Whether an account can be logged on to.
function Test-Enabled([string] $Identity) {
    return [bool] (Get-ADUser -Identity $Identity).Enabled
}

# Whether an account expired at that instant or before: 100 ns since 1601; 0 and the highest mean never.
function Test-Expired([string] $Identity, [long] $Instant) {
    $expires = [long] (@(Get-Values $Identity 'accountExpires') + @('0'))[0]
    return ($expires -ne 0) -and ($expires -le $Instant)
}

# Whether an entry stands at that name; the server compares, so spelling and escapes do not matter.
function Test-Place([string] $Identity, [string] $Name) {
    $there = Find-Entry $Name
    return ($null -ne $there) -and ($there.ObjectGUID -eq (Get-ADObject -Identity $Identity).ObjectGUID)
}

# Whether an entry's own name is exactly that.
function Test-Name([string] $Identity, [string] $Name) {
    return (Get-ADObject -Identity $Identity).Name -ceq $Name
}

# Whether an entry is a member of a group itself.
function Test-Member([string] $Group, [string] $Member) {
    $name = (Get-ADObject -Identity $Group).DistinguishedName
    return @(Get-Values $Member 'memberOf') -contains $name
}

# Carries out one step, or says why not.
function Invoke-Step([hashtable] $Step) {
    $waits = @($Step.After | Where-Object { $outcomes[$_] -notin 'applied', 'already so' })
    $reason = ''
    if ($waits.Count -gt 0) {
        $outcome = 'waits'
        $reason = 'a step it needs was not applied'
    } else {
        try {
            if (& $Step.Already) {
                $outcome = 'already so'
            } elseif (& $Step.Ready) {
                & $Step.Apply | Out-Null
                $outcome = 'applied'
            } else {
                $outcome = 'conflict'
                $reason = 'the directory is no longer as the plan saw it; nothing was changed'
            }
        } catch {
            $outcome = 'failed'
            $reason = $_.Exception.Message
        }
    }
    $outcomes[$Step.Id] = $outcome
    $line = '{0,-10}  {1}' -f $outcome, $Step.What
    if ($reason) { Write-Warning "$line ($reason)" } else { Write-Host $line }
}
