#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `make install` into a temporary directory gives a program that runs and a library that a user finds with pkg-config
# and CMake, each public header usable on its own. $WEIR_BUILD is the build directory. Results in TAP.
set -u
work=$(mktemp -d "${TMPDIR:-/tmp}/weir-install.XXXXXX")
trap 'rm -rf "$work"' EXIT
count=0

check() { # NAME COMMAND...
    count=$((count + 1))
    name=$1
    shift
    if "$@" >"$work/out" 2>&1; then
        echo "ok $count - $name"
    else
        echo "not ok $count - $name"
        sed 's/^/# /' "$work/out"
    fi
}

compile() { # HEADER: a program that only includes the header, by the strictest reading of C17
    printf '#include <%s>\nint main(void) { return 0; }\n' "$1" >"$work/user.c"
    # shellcheck disable=SC2046 # several flags
    cc -std=c17 -pedantic -Wall -Wextra -Werror "$work/user.c" -o "$work/user" $(pkg-config --cflags --libs weir) &&
        "$work/user"
}

write_user() { # a program that makes a stack and asks it something
    cat <<'END'
#include <weir/socket.h>
int main(void)
{
    struct weir_interface i = {.size = sizeof i, .link = "mem:user", .address = "192.0.2.1/24"};
    struct weir_stack_options o = {.size = sizeof o, .interfaces = &i, .n_interfaces = 1};
    struct weir_stack *s = weir_stack_new(&o, 0, 0);
    int bad = !s || weir_socket(s, AF_INET, SOCK_STREAM, 0) < 0 || weir_interface_count(s) != 1;
    weir_stack_delete(s);
    return bad;
}
END
}

build_with_pkg_config() {
    write_user >"$work/user.c"
    # shellcheck disable=SC2046 # several flags
    cc "$work/user.c" -o "$work/user" $(pkg-config --cflags --libs weir) && "$work/user"
}

build_with_cmake() {
    mkdir "$work/project"
    write_user >"$work/project/user.c"
    cat >"$work/project/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.22)
project(user LANGUAGES C)
find_package(weir $version REQUIRED)
add_executable(user user.c)
target_link_libraries(user PRIVATE weir::weir)
END
    cmake -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$work/usr" &&
        cmake --build "$work/project/build" && "$work/project/build/user"
}

check "make install" cmake --install "$WEIR_BUILD" --prefix "$work/usr"
LD_LIBRARY_PATH=$(dirname "$(find "$work/usr" -name libweir.so)")
PKG_CONFIG_PATH=$LD_LIBRARY_PATH/pkgconfig
export LD_LIBRARY_PATH PKG_CONFIG_PATH

version=$(sed -n 's/^project(weir VERSION \([0-9.]*\).*/\1/p' "$(dirname "$0")/../../CMakeLists.txt")

check "pkg-config knows version $version" pkg-config --exact-version="$version" weir
check "a program built with pkg-config has a stack" build_with_pkg_config
check "the same by find_package(weir) of CMake" build_with_cmake
check "the installed program runs" "$work/usr/bin/weir" version
check "the installed program finds the library that it preloads" "$work/usr/bin/weir" exec -l tap:none -a 10.0.0.1/24 -- true
for page in "$(dirname "$0")"/../../docs/manual/weir*.[15].md; do
    name=$(basename "$page" .md)
    check "the manual page $name" test -s "$work/usr/share/man/man${name##*.}/$name"
done
for file in bash-completion/completions/weir zsh/site-functions/_weir fish/vendor_completions.d/weir.fish; do
    check "the completion script $file" grep -q "written by" "$work/usr/share/$file"
done
for header in "$work"/usr/include/*.h "$work"/usr/include/weir/*.h; do
    if [ -f "$header" ]; then
        name=${header#"$work"/usr/include/}
        check "a C17 program with <$name> builds and runs" compile "$name"
    fi
done
echo "1..$count"
