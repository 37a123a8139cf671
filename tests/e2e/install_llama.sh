#!/usr/bin/env bash
# Unpacks the llama-server of Debian testing, with its own libc, into FOLDER/llama; nothing is installed on the host. It
# takes the mirror that this machine's apt takes. Needs apt, dpkg-deb and patchelf.
# Usage: install_llama.sh [FOLDER]
set -euo pipefail
folder=$(realpath -m "${1:-$(dirname "$0")/../../.venv/e2e}")
prefix=$folder/llama
apt_home=$folder/apt-llama
[ ! -x "$prefix/llama-server" ] || exit 0

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sort -u | grep -v security | head -n 1)
mkdir -p "$prefix" "$apt_home"/{lists/partial,cache/archives/partial}
: > "$apt_home/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror testing main" > "$apt_home/sources.list"
apt=(apt-get -qq -o "Dir::Etc::sourcelist=$apt_home/sources.list" -o Dir::Etc::sourceparts=-
     -o "Dir::State=$apt_home" -o "Dir::State::lists=$apt_home/lists" -o "Dir::State::status=$apt_home/status"
     -o "Dir::Cache=$apt_home/cache" -o Acquire::Languages=none -o APT::Sandbox::User=root)
"${apt[@]}" update
"${apt[@]}" -y --no-install-recommends --download-only install llama.cpp-tools
for package in "$apt_home"/cache/archives/*.deb; do dpkg-deb -x "$package" "$prefix"; done

libraries=$prefix/usr/lib/$(uname -m)-linux-gnu
loader=$(find "$prefix" -name 'ld-linux*.so.*' | head -n 1)
patchelf --set-interpreter "$loader" "$prefix/usr/bin/llama-server"
# The libraries have run paths of their own, and look for a CPU's code where Debian would have installed it. A build for
# any x86-64 takes several times as long as one for this CPU, which would flatter us in comparisons.
cat > "$prefix/llama-server.new" <<END
#!/bin/sh
backend=x64
if grep -qw avx2 /proc/cpuinfo; then backend=haswell; fi
if grep -qw avx512_vnni /proc/cpuinfo; then backend=icelake; fi
export LD_LIBRARY_PATH=$libraries:$libraries/llama GGML_BACKEND_PATH=$libraries/ggml/backends0/libggml-cpu-\$backend.so
exec $prefix/usr/bin/llama-server "\$@"
END
chmod +x "$prefix/llama-server.new"
"$prefix/llama-server.new" --version 2>&1 | tail -n 2
mv "$prefix/llama-server.new" "$prefix/llama-server"
rm -rf "$apt_home"
