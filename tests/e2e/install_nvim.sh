#!/usr/bin/env bash
# Unpacks the Neovim of another Debian release, with its own libc, into FOLDER/nvim-SUITE; nothing is installed on the
# host. It takes the mirror that this machine's apt takes. Needs apt, dpkg-deb and patchelf.
# Usage: install_nvim.sh SUITE [FOLDER]    where testing has Neovim 0.12 and trixie 0.10
set -euo pipefail
suite=$1
folder=$(realpath -m "${2:-$(dirname "$0")/../../.venv/e2e}")
prefix=$folder/nvim-$suite
apt_home=$folder/apt-$suite
[ ! -x "$prefix/nvim" ] || exit 0

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sort -u | grep -v security | head -n 1)
mkdir -p "$prefix" "$apt_home"/{lists/partial,cache/archives/partial}
: > "$apt_home/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" > "$apt_home/sources.list"
apt=(apt-get -qq -o "Dir::Etc::sourcelist=$apt_home/sources.list" -o Dir::Etc::sourceparts=-
     -o "Dir::State=$apt_home" -o "Dir::State::lists=$apt_home/lists" -o "Dir::State::status=$apt_home/status"
     -o "Dir::Cache=$apt_home/cache" -o Acquire::Languages=none -o APT::Sandbox::User=root)
"${apt[@]}" update
"${apt[@]}" -y --no-install-recommends --download-only install neovim
for package in "$apt_home"/cache/archives/*.deb; do dpkg-deb -x "$package" "$prefix"; done

loader=$(find "$prefix" -name 'ld-linux*.so.*' | head -n 1)
paths=$(find "$prefix" -name '*.so*' -path '*-linux-gnu/*' -printf '%h\n' | sort -u | paste -sd:)
patchelf --set-interpreter "$loader" --force-rpath --set-rpath "$paths" "$prefix/usr/bin/nvim"
printf '#!/bin/sh\nVIMRUNTIME=%s/usr/share/nvim/runtime exec %s/usr/bin/nvim "$@"\n' "$prefix" "$prefix" > "$prefix/nvim.new"
chmod +x "$prefix/nvim.new"
"$prefix/nvim.new" --version | head -n 1
mv "$prefix/nvim.new" "$prefix/nvim"
rm -rf "$apt_home"
