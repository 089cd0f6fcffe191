#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Programs that know nothing of Weir, on its stack: nc both ways, curl from the kernel's nginx, nginx under wrk and curl of the kernel's side, and what
# weir exec says when something is wrong.
# shellcheck source=tests/interop/exec_lib.sh
. "$(dirname "$0")/exec_lib.sh"
exec_network

# ---- nc

head -c 1000000 /dev/urandom >"$work/in"
sent=$(sha256sum <"$work/in")
start_in_ns kernel "$work/out" timeout 30 nc -l 198.18.0.1 5000
wait_for 10 listens kernel 5000
on_weir nc -N 198.18.0.1 5000 <"$work/in" >"$work/nc.log" 2>&1 || not_ok "nc connects" "$(cat "$work/nc.log")"
wait "$started_pid" || true
check_equal "nc sends through Weir, and what it sent arrives though it has ended" "$sent" "$(sha256sum <"$work/out")"

start_on_weir "$work/out" timeout 30 nc -nv -l 5001
if wait_for 10 grep -q Listening "$work/out"; then
    in_ns kernel timeout 30 nc -N 198.18.0.2 5001 <"$work/in"
    wait "$started_pid" || true
    check_equal "nc listens on Weir" "$sent" "$(sed '/^Listening on/d; /^Connection received on/d' "$work/out" | sha256sum)"
else
    not_ok "nc listens on Weir" "$(cat "$work/out")"
fi

start_in_ns kernel "$work/out" timeout 20 nc -u -l 198.18.0.1 5002
sleep 0.2
echo "a datagram" | on_weir nc -u -q 1 198.18.0.1 5002 >"$work/nc.log" 2>&1 || true
wait_for 10 grep -q datagram "$work/out" || true
check_equal "nc -u sends a datagram" "a datagram" "$(cat "$work/out")"
stop "$started_pid" || true

# ---- HTTP

# multi_accept: without it nginx takes one connection a turn, and on a slow machine the last of a hundred waits longer than wrk does.
mkdir "$work/www" "$work/tmp"
head -c 100000000 /dev/urandom >"$work/www/large"
echo small >"$work/www/small"
digest=$(sha256sum <"$work/www/large")
cat >"$work/nginx.conf" <<CONF
user root; worker_processes 1; daemon off; master_process off; pid $work/nginx.pid; error_log stderr;
events { worker_connections 1024; multi_accept on; }
http {
    access_log off; sendfile on; keepalive_requests 1000000;
    client_body_temp_path $work/tmp; proxy_temp_path $work/tmp; fastcgi_temp_path $work/tmp;
    uwsgi_temp_path $work/tmp; scgi_temp_path $work/tmp;
    server { listen 8080; root $work/www; }
}
CONF

start_in_ns kernel "$work/nginx.log" nginx -e stderr -c "$work/nginx.conf"
nginx=$started_pid
wait_for 10 listens kernel 8080
check_equal "curl on Weir gets 100 MB from nginx" "$digest" "$(on_weir curl -m 60 -s http://198.18.0.1:8080/large | sha256sum)"
check_equal "curl by a name that it resolves itself" small \
    "$(on_weir curl -m 60 -s --resolve weir.test:8080:198.18.0.1 http://weir.test:8080/small)"
end nginx "$nginx" "$work/nginx.log"

start_on_weir "$work/nginx.log" nginx -e stderr -c "$work/nginx.conf"
nginx=$started_pid
if wait_for 20 answers 8080; then
    check_equal "nginx on Weir serves 100 MB" "$digest" "$(in_ns kernel curl -m 60 -s http://198.18.0.2:8080/large | sha256sum)"
    in_ns kernel timeout 60 wrk -t 1 -c 100 -d "${seconds}s" http://198.18.0.2:8080/small >"$work/wrk" 2>&1 &
    wrk=$!
    pings nginx
    wait "$wrk" || true
    check_equal "wrk meets no socket error" "" "$(grep -E "Socket errors|Non-2xx|unable" "$work/wrk" || true)"
    check "wrk was answered" grep -E "[1-9][0-9]* requests in" "$work/wrk"
    diag "$(grep Requests/sec "$work/wrk" || true)"
else
    not_ok "nginx listens on Weir" "$(cat "$work/nginx.log")"
fi
end nginx "$nginx" "$work/nginx.log"
quiet nginx "$work/nginx.log"

# ---- what is wrong is said

says() { # NAME EXPECTED COMMAND...
    says_name=$1 says_expected=$2
    shift 2
    check_equal "$says_name" "$says_expected" "$("$@" 2>&1 || true)"
}
cat >"$work/bad.yaml" <<'YAML'
ports: [{name: eth, location: "mem:x"}, {name: other, location: "mem:x"}]
devices: [{name: host, port: eth, ipv4: {address: 198.18.0.2/24}}]
YAML
says "a memory link is no link for a program" \
    "weir: $work/bad.yaml: port \"eth\": found mem:x, allowed for weir exec: tap:NAME, packet:IFNAME, xdp:IFNAME and tunnel:KIND,..." \
    "$WEIR" exec -c "$work/bad.yaml" -- true
says "a program that is not there is named" "weir: exec: /no/such: No such file or directory" \
    "$WEIR" exec -c "$work/host.yaml" -- /no/such
says "an interface that is not there is named" "weir exec: no stack for process: interface none0: No such device" \
    sh -c "nsenter --net=/run/netns/weir-$$-kernel '$WEIR' exec -l packet:none0 -a 198.18.0.2/24 -- nc -z 198.18.0.9 1 2>&1 |
        sed 's/process [0-9]*:/process:/'"
