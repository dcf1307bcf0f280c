#!/bin/bash
# Install the Debian packages a task needs, and say so first.
#
# A group names what a task needs; packages already there are left alone, and when none is missing nothing runs.
# Rules: no mirror is named here (backports come from the mirror the machine already uses); no service installed
# by this script starts, now or at boot, because xrdp's own default is to listen on every address. PostgreSQL's
# package makes an empty cluster "main" on disk, which stays off; the tests make and end servers of their own.
# Left out: other distributions than Debian 12 and 13, and removing packages again.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: tools/packages.sh [--check] GROUP...

  base   what Python, TLS and the parts from npm need
  demo   xrdp, a headless display, a client and a browser
  test   demo, the NLA host, FreeRDP 3 (Debian 12: from bookworm-backports), Remmina, firewall, proxy,
         PostgreSQL, and the libraries of the system that Qt draws with
  bench  the relay we compare ourselves with

  --check   name what is missing and install nothing; exit status 1 when something is
TEXT
}

# --- what the groups hold -------------------------------------------------------------------------------------

readonly BASE="ca-certificates nodejs npm openssl python3 python3-venv"
readonly DESKTOP="xrdp xorgxrdp xvfb xauth openbox xterm x11-apps x11-utils x11-xserver-utils dbus-x11 xdotool xclip \
imagemagick iproute2 procps util-linux chromium libnss3-tools"
# What Qt's wheels load from the system to draw on an X display.
readonly QT="libdbus-1-3 libegl1 libfontconfig1 libgl1 libglib2.0-0 libgssapi-krb5-2 libx11-xcb1 libxcb-cursor0 libxcb-glx0 libxcb-icccm4 \
libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-shm0 libxcb-sync1 libxcb-xfixes0 \
libxcb-xkb1 libxkbcommon-x11-0 libxkbcommon0"

# The client and the NLA host by release: Debian 13 has FreeRDP 3 alone, and in main.
packages_of() { # GROUP CODENAME
    case "$1 $2" in
        "base "*) echo "$BASE" ;;
        "demo bookworm") echo "$BASE $DESKTOP freerdp2-x11" ;;
        "demo trixie") echo "$BASE $DESKTOP freerdp3-x11" ;;
        "test bookworm") echo "$(packages_of demo bookworm) $QT freerdp2-shadow-x11 winpr-utils freerdp3-x11 remmina remmina-plugin-rdp nftables haproxy postgresql-15" ;;
        "test trixie") echo "$(packages_of demo trixie) ${QT/libglib2.0-0/libglib2.0-0t64} freerdp3-shadow-x11 winpr3-utils remmina remmina-plugin-rdp nftables haproxy postgresql-17" ;;
        "bench "*) echo "$BASE haproxy" ;;
        *) return 1 ;;
    esac
}

# Packages that must be asked for with "-t bookworm-backports".
from_backports() { [[ $2 == bookworm && $1 == freerdp3-* ]]; }

# The units a package would start at boot.
units_of() {
    case $1 in
        xrdp) echo "xrdp.service xrdp-sesman.service" ;;
        haproxy) echo haproxy.service ;;
        postgresql-*) echo postgresql.service ;;
    esac
}

# --- the machine ----------------------------------------------------------------------------------------------

# Other makers' nodejs brings npm along and names it as provided; Debian's npm would take its place.
installed() { # PACKAGE
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]] ||
        dpkg-query -W -f='${db:Status-Status}, ${Provides},\n' | grep -E "^installed,.* $1( \([^)]*\))?," >/dev/null
}

missing_of() { # CODENAME GROUP... -> the missing packages, one per line, each once
    local codename=$1 group package
    shift
    for group in "$@"; do
        for package in $(packages_of "$group" "$codename"); do
            installed "$package" || echo "$package"
        done
    done | sort -u
}

source_files() { # ETC_APT
    find "$1" -maxdepth 2 \( -path "$1/sources.list" -o -path "$1/sources.list.d/*.list" \
        -o -path "$1/sources.list.d/*.sources" \) -type f | sort
}

# Read apt sources in both formats; print "suite TAB uri TAB keyring" for each enabled binary suite.
suites() { # FILE...
    local file
    for file in "$@"; do
        case $file in *.sources) deb822_suites "$file" ;; *) one_line_suites "$file" ;; esac
    done
}

deb822_suites() {
    awk '
        function flush(  i, n, list) {
            if ((" " f["types"] " ") ~ / deb / && tolower(f["enabled"]) != "no") {
                n = split(f["suites"], list, " ")
                split(f["uris"], uri, " ")
                for (i = 1; i <= n; i++) print list[i] "\t" uri[1] "\t" f["signed-by"]
            }
            delete f; key = ""
        }
        /^#/ { next }
        /^[ \t]*$/ { flush(); next }
        /^[ \t]/ { gsub(/^[ \t]+|[ \t]+$/, ""); f[key] = f[key] " " $0; next }
        { key = tolower(substr($0, 1, index($0, ":") - 1)); value = substr($0, index($0, ":") + 1)
          gsub(/^[ \t]+|[ \t]+$/, "", value); f[key] = value }
        END { flush() }
    ' "$1"
}

one_line_suites() {
    awk '
        $1 != "deb" { next }
        {
            key = ""; line = $0; sub(/#.*/, "", line)
            if (match(line, /\[[^]]*\]/)) {
                n = split(substr(line, RSTART + 1, RLENGTH - 2), option, " ")
                for (i = 1; i <= n; i++) if (option[i] ~ /^signed-by=/) key = substr(option[i], 11)
                line = substr(line, 1, RSTART - 1) substr(line, RSTART + RLENGTH)
            }
            split(line, word, " ")
            print word[3] "\t" word[2] "\t" key
        }
    ' "$1"
}

# The text of a source for the backports of CODENAME, on the mirror of the machine itself.
backports_source() { # CODENAME FILE...
    local codename=$1 uri key
    shift
    IFS=$'\t' read -r uri key < <(suites "$@" | awk -F'\t' -v s="$codename" '$1 == s { print $2 "\t" $3; exit }') || true
    [[ -n ${uri:-} ]] || { echo "no source for $codename found in the machine's apt sources" >&2; return 1; }
    printf 'Types: deb\nURIs: %s\nSuites: %s-backports\nComponents: main\n' "$uri" "$codename"
    [[ -z $key ]] || printf 'Signed-By: %s\n' "$key"
}

# --- what this script changes ---------------------------------------------------------------------------------

quiet() { # run a command; show the end of its output only when it fails
    local log
    log=$(mktemp)
    if ! "$@" >"$log" 2>&1; then
        echo "failed: $*" >&2
        tail -n 20 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

readonly POLICY=/usr/sbin/policy-rc.d

add_backports() { # CODENAME
    local codename=$1 files target=/etc/apt/sources.list.d/dialback-backports.sources
    mapfile -t files < <(source_files /etc/apt)
    if suites "${files[@]}" | cut -f1 | grep -x "$codename-backports" >/dev/null; then return; fi
    backports_source "$codename" "${files[@]}" >"$target.new"
    mv "$target.new" "$target"
    echo "added $target"
}

install_packages() { # CODENAME PACKAGE...
    local codename=$1 package unit main=() backports=()
    shift
    for package in "$@"; do
        if from_backports "$package" "$codename"; then backports+=("$package"); else main+=("$package"); fi
    done
    export DEBIAN_FRONTEND=noninteractive
    if [[ ! -e $POLICY ]]; then
        trap 'rm -f "$POLICY"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$POLICY"
        chmod 755 "$POLICY"
    fi
    [[ ${#backports[@]} -eq 0 ]] || add_backports "$codename"
    quiet apt-get update
    [[ ${#main[@]} -eq 0 ]] || quiet apt-get install -y --no-install-recommends "${main[@]}"
    [[ ${#backports[@]} -eq 0 ]] ||
        quiet apt-get install -y --no-install-recommends -t "$codename-backports" "${backports[@]}"
    for package in "$@"; do
        for unit in $(units_of "$package"); do
            # A machine without systemd starts nothing at boot by itself.
            ! command -v systemctl >/dev/null || quiet systemctl disable "$unit" || true
        done
    done
}

main() {
    local check= groups=() argument codename missing self
    for argument in "$@"; do
        case $argument in
            --check) check=yes ;;
            -h | --help) usage; return 0 ;;
            base | demo | test | bench) groups+=("$argument") ;;
            *) usage >&2; return 2 ;;
        esac
    done
    [[ ${#groups[@]} -gt 0 ]] || { usage >&2; return 2; }
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")
    packages_of demo "$codename" >/dev/null ||
        { echo "expected Debian 12 (bookworm) or 13 (trixie), got $codename" >&2; return 1; }
    mapfile -t missing < <(missing_of "$codename" "${groups[@]}")
    if [[ ${#missing[@]} -eq 0 ]]; then
        echo "packages for ${groups[*]}: all there"
        return 0
    fi
    if [[ -n $check ]]; then
        echo "missing for ${groups[*]}: ${missing[*]}"
        return 1
    fi
    if [[ $EUID -ne 0 ]]; then
        self=$(realpath "${BASH_SOURCE[0]}")
        # With a terminal sudo may ask for the password; without one it must not wait for it.
        if sudo -n true 2>/dev/null || { [[ -t 0 ]] && command -v sudo >/dev/null; }; then
            exec sudo bash "$self" "${groups[@]}"
        fi
        echo "missing for ${groups[*]}: ${missing[*]}" >&2
        echo "run as root: bash $self ${groups[*]}" >&2
        return 1
    fi
    echo "installing for ${groups[*]}: ${missing[*]}"
    install_packages "$codename" "${missing[@]}"
    echo "packages for ${groups[*]}: installed"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
