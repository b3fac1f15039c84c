# shellcheck shell=bash
# Sourced by the scripts beside it: what installing, the domain and the mail server have in common.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bed=$(cd "$here/../.." && pwd)/target/testbed # what is installed and kept between runs

die() { echo "${0##*/}: $*" >&2; exit 1; }

# usage: the comment at the top of the script that was called.
usage() { sed -n '2,/^[^#]/ { s/^# \{0,1\}//p }' "$0" >&2; exit 64; }

# alive PID DIR: is this process one of ours, with a file of DIR open?
# Another program may have been given the pid since, and a zombie has nothing open: both count as gone.
alive() { [ -n "$(find "/proc/$1/fd" -lname "$2/*" -print -quit 2>/dev/null)" ]; }

# running PIDFILE: the pid in it, if that server still runs with files open beside it.
running() {
  local pid
  pid=$(cat "$1" 2>/dev/null) && alive "$pid" "$(dirname "$1")" && echo "$pid"
}

# stop_server PIDFILE: ends the server and returns when it is gone; fine where it does not run.
stop_server() {
  local pid
  if pid=$(running "$1"); then
    kill -TERM "$pid"
    for _ in {1..250}; do
      alive "$pid" "$(dirname "$1")" || break
      sleep 0.02
    done
    alive "$pid" "$(dirname "$1")" && kill -KILL "$pid"
  fi
  rm -f "$1"
}

# certificate DIR SUBJECT_ALT_NAME: a certificate authority and a server certificate, made anew: DIR/{ca,server}.{pem,key}
certificate() {
  mkdir -p "$1"
  printf '[req]\ndistinguished_name = dn\n[dn]\n' >"$1/openssl.cnf" # the system's own would add extensions
  local new=(openssl req -x509 -config "$1/openssl.cnf" -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650)
  (
    umask 077 # Samba refuses a key that others may read
    "${new[@]}" -subj "/CN=Countersign test CA" -keyout "$1/ca.key" -out "$1/ca.pem" \
      -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
    "${new[@]}" -subj "/CN=Countersign test server" -keyout "$1/server.key" -out "$1/server.pem" \
      -CA "$1/ca.pem" -CAkey "$1/ca.key" -addext basicConstraints=critical,CA:FALSE \
      -addext keyUsage=critical,digitalSignature -addext extendedKeyUsage=serverAuth -addext "subjectAltName=$2"
  ) 2>"$1/openssl.log" || die "no certificate: $(cat "$1/openssl.log")"
}

# new_password FILE: a random one that meets Active Directory's complexity rule; the file is the password, no newline.
new_password() { (umask 077 && printf '%s-Aa1' "$(openssl rand -hex 12)" >"$1"); }

# exports NAME VALUE ...: lines that a shell can eval.
exports() {
  while (($#)); do
    printf 'export %s=%q\n' "$1" "$2"
    shift 2
  done
}
