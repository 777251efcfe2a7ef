# Sourced by get-mysql, get-etcd and their like: packages of Debian's unstable suite, unpacked into a folder.
# Nothing is installed and apt's own state is not touched, so that it works without root.
#
#   KINGBUS_DEBIAN_MIRROR    another mirror than apt's settings name, or any where they name none
#   KINGBUS_ALLOW_UNSIGNED=1 goes without signatures (where Debian's keyring is missing or too old)
#
# The script that sources this sets `tool` (its own name) and `way_round` (what to do instead).

suite=sid
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
attempts=3

give_up() {
  echo "$tool: $1" >&2
  echo "$tool: or $way_round" >&2
  exit 1
}

# Makes the folder `dest` and waits until no other command fetches into it. Ends the script where
# it is complete, be it that the other one has just completed it.
begin() {
  [ -e "$dest/.complete" ] && exit 0
  for needed in apt-get dpkg-deb flock; do
    command -v "$needed" >/dev/null ||
      give_up "$needed is not here: this needs Debian or a kin of it"
  done
  mkdir -p "$dest"
  dest=$(cd "$dest" && pwd)
  # Two commands of the project that were started together would unpack into each other's files.
  exec 9> "$dest.lock"
  flock 9
  [ -e "$dest/.complete" ] && exit 0
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
}

# Sets apt up in a folder of its own: the array `apt` is the command for everything below.
set_up_apt() {
  mirror=${KINGBUS_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(SITE)' \
    'Created-By: Packages' 2>/dev/null | grep -m1 '/debian/*$' || true)}
  [ -n "$mirror" ] || give_up "apt's settings name no Debian mirror; set KINGBUS_DEBIAN_MIRROR to one"
  mkdir -p "$work"/{state/lists/partial,cache/archives/partial}
  : > "$work/state/status"
  local trust="signed-by=$keyring"
  if [ -n "${KINGBUS_ALLOW_UNSIGNED:-}" ]; then
    echo "$tool: KINGBUS_ALLOW_UNSIGNED is set, signatures are not checked"
    trust='trusted=yes allow-insecure=yes'
  elif [ ! -r "$keyring" ]; then
    give_up "$keyring is missing; install debian-archive-keyring, or set KINGBUS_ALLOW_UNSIGNED=1"
  fi
  echo "deb [$trust] $mirror $suite main" > "$work/sources.list"
  apt=(apt-get -q -y
    -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State=$work/state" -o "Dir::State::status=$work/state/status"
    -o "Dir::Cache=$work/cache" -o APT::Install-Recommends=false -o APT::Sandbox::User=root
    -o APT::Update::Error-Mode=any -o Acquire::Languages=none)
}

# Runs apt-get with a bounded number of attempts; what it said last is shown when all are used up.
try_apt() {
  for attempt in $(seq "$attempts"); do
    "${apt[@]}" "$@" > "$work/log" 2>&1 && return 0
    echo "$tool: attempt $attempt of $attempts did not succeed" >&2
  done
  tail -n 15 "$work/log" >&2
  return 1
}

# Downloads the packages given and what they need into $work/cache/archives.
download() {
  set_up_apt
  echo "$tool: reading the list of Debian's $suite packages"
  try_apt update || give_up "no list of Debian's $suite packages from $mirror (reasons above)"
  echo "$tool: downloading $* and what they need"
  try_apt --download-only install "$@" || give_up "no packages $* from $mirror (reasons above)"
}

# Unpacks what was downloaded into $dest/root, with an empty $dest/bin, and sets `libraries`, where
# the programs find what they were built for.
unpack() {
  echo "$tool: unpacking into $dest"
  rm -rf "$dest/root" "$dest/bin"
  mkdir -p "$dest/root" "$dest/bin"
  for deb in "$work"/cache/archives/*.deb; do
    case $(basename "$deb") in
      perl* | libperl* | debconf* | systemd* | passwd* | dpkg* | tar_* | iproute2* | psmisc*) ;;
      *) dpkg-deb -x "$deb" "$dest/root" ;;
    esac
  done
  loader=$(find "$dest/root" -name 'ld-linux-*.so.*' | head -n 1)
  [ -n "$loader" ] || give_up "no loader (ld-linux) among the packages from $mirror"
  local triplet
  triplet=$(basename "$(dirname "$(find "$dest/root" -name libc.so.6 | head -n 1)")")
  libraries="$dest/root/usr/lib/$triplet:$dest/root/lib/$triplet:$dest/root/usr/lib"
  libraries="$libraries:$dest/root/usr/lib/mysql/plugin:$dest/root/usr/lib/mysql/private"
}

# Makes $dest/bin/NAME of an unpacked program of MySQL or MariaDB, with options that it is always given, and
# without option files but one given.
wrap() {
  start_by_loader "$1" 'first=--no-defaults
case "$1" in --defaults-file=* | --no-defaults) first=$1; shift ;; esac' "\"\$first\" $2"
}

# Makes $dest/bin/NAME of an unpacked program. It is started through the loader it was unpacked with, so that
# the machine's own C library does not matter. `exec` keeps the program's pid that of the wrapper. What is no
# program is left out. $2 goes before, $3 before the arguments.
start_by_loader() {
  local program=$1
  [ -x "$program" ] && [ ! -L "$program" ] && head -c 4 "$program" | grep -q ELF || return 0
  cat > "$dest/bin/$(basename "$program")" <<WRAPPER
#!/bin/sh
${2:-}
exec '$loader' --library-path '$libraries' '$program' ${3:-} "\$@"
WRAPPER
  chmod +x "$dest/bin/$(basename "$program")"
}

# Says the version of $dest/bin/NAME, which must start, and marks $dest as complete. $2: how it is asked.
complete() {
  local version
  version=$("$dest/bin/$1" "${2:---version}") || give_up "the unpacked $1 does not start"
  echo "$tool: ${version##*/}"
  touch "$dest/.complete"
}
