#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Hosts of Weir below VLAN tags, QinQ and MPLS labels: two processes over veth, with TCP, UDP and ping of both families, captured and read by tshark. The
# kernel here has no VLAN or MPLS driver, so that both ends are Weir's; a bridge of the kernel with vlan_filtering is the switch between a tagged and an
# untagged one.
# shellcheck disable=SC2034 # interfaces without an address of the kernel's
FAMILY=6
# shellcheck source=tests/interop/lib.sh
. "$(dirname "$0")/lib.sh"

ns_add left
ns_add right
veth_add left left0 right right0

left() { # COMMAND ARGUMENTS...
    in_ns left timeout 60 "$WEIR" "$@"
}
# Of every frame of the capture that a filter takes: the fields, each kind of line once.
seen() { # FILTER FIELD...
    seen_filter=$1
    shift
    for field in "$@"; do set -- "$@" -e "$field" && shift; done
    decode "$work/tags.pcap" -Y "$seen_filter" -T fields "$@" | sort -u
}

# Two hosts with the same tags: echo by TCP and UDP, full frames, datagrams in fragments.
talk() { # NAME FAMILY MTU OPTION...: MTU of what is below tags and labels
    name=$1 mtu=$3
    if [ "$2" = 4 ]; then a=198.18.0.1 b=198.18.0.2 length=24 headers=28; else a=2001:db8::1 b=2001:db8::2 length=64 headers=48; fi
    shift 3
    start_in_ns right "$work/services.log" "$WEIR" services packet:right0 -a $b/$length "$@"
    server=$started_pid
    wait_for 20 grep -q "daytime on" "$work/services.log" || not_ok "$name: weir services starts" "$(cat "$work/services.log")"
    rm -f "$work/tags.pcap" # capture_start waits for the new one
    capture_start left left0 "$work/tags.pcap"
    check "$name: TCP echo of 300 KB" left services packet:left0 $b --ask echo -a $a/$length -s 300000 "$@"
    check "$name: UDP echo of 20 KB" left services packet:left0 $b --ask echo -u -a $a/$length -s 20000 "$@"
    check "$name: ping with $mtu bytes, not to be cut" left ping packet:left0 $b -a $a/$length -c 3 -i 10ms -D -s $((mtu - headers)) "$@"
    check "$name: ping of 4000 bytes in fragments" left ping packet:left0 $b -a $a/$length -c 3 -i 10ms -s 4000 "$@"
    capture_stop
    stop "$server" || true
    check_equal "$name: nothing malformed, every checksum right" 0 "$(frames "$work/tags.pcap" "$bad_frames_filter || icmpv6.checksum.status == 0")"
    check "$name: full frames were sent" test "$(frames "$work/tags.pcap" "ip.len == $mtu || ipv6.plen == $((mtu - 40))")" -ge 6
}

for family in 4 6; do
    if [ $family = 4 ]; then
        datagrams=ip ask=arp
    else
        datagrams='ipv6 && !(ipv6.dst == ff00::/8) && !icmpv6.nd.ns.target_address && !icmpv6.nd.na.target_address'
        ask=icmpv6.nd.ns.target_address
    fi

    talk "IPv$family, VLAN 42/3" $family 1500 --vlan 42/3
    check_equal "IPv$family, VLAN: each frame has the tag" "$(printf '42\t3')" "$(seen frame vlan.id vlan.priority)"

    talk "IPv$family, QinQ 100/1,42" $family 1492 --vlan 100/1,42
    check_equal "IPv$family, QinQ: each frame has both tags, 88a8 outside" "$(printf '0x88a8\t100\t1\t42')" \
        "$(seen frame eth.type ieee8021ad.id ieee8021ad.priority vlan.id)"

    talk "IPv$family, MPLS 1000/5" $family 1496 --mpls 1000/5
    check_equal "IPv$family, MPLS: each datagram has the label" "$(printf '1000\t5\t1\t255')" \
        "$(seen "$datagrams" mpls.label mpls.exp mpls.bottom mpls.ttl)"
    check_equal "IPv$family, MPLS: neighbours are asked without label" "0x$([ $family = 4 ] && echo 0806 || echo 86dd)" "$(seen "$ask" eth.type)"

    talk "IPv$family, MPLS 100,200@9,1048575" $family 1488 --mpls 100,200@9,1048575
    check_equal "IPv$family, three labels: in order, the last is the bottom" "$(printf '100,200,1048575\t0,0,1\t255,9,255')" \
        "$(seen "$datagrams" mpls.label mpls.bottom mpls.ttl)"

    talk "IPv$family, QinQ and MPLS" $family 1484 --vlan 100,42 --mpls 16,17
    check_equal "IPv$family, QinQ and MPLS: tags outside, labels inside" "$(printf '0x88a8\t100\t42\t16,17\t0,1')" \
        "$(seen "$datagrams" eth.type ieee8021ad.id vlan.id mpls.label mpls.bottom)"
    check_equal "IPv$family, QinQ and MPLS: neighbours are asked below the tags alone" "$(printf '100\t42\t')" \
        "$(seen "$ask" ieee8021ad.id vlan.id mpls.label)"
done

# ---- others are not heard

start_in_ns right "$work/services.log" "$WEIR" services packet:right0 -a 198.18.0.2/24 --vlan 42 --mpls 1000
server=$started_pid
wait_for 20 grep -q "daytime on" "$work/services.log" || not_ok "weir services starts" "$(cat "$work/services.log")"
silent() { # OPTION...
    ! left ping packet:left0 198.18.0.2 -a 198.18.0.1/24 -c 2 -i 10ms -W 300ms "$@"
}
check "another VLAN gets no answer" silent --vlan 43 --mpls 1000
check "another label gets no answer" silent --vlan 42 --mpls 1001
check "a label more gets no answer" silent --vlan 42 --mpls 1000,1001
check "no tag gets no answer" silent --mpls 1000
check "its own tag and label get one" left ping packet:left0 198.18.0.2 -a 198.18.0.1/24 -c 2 -i 10ms --vlan 42 --mpls 1000
stop "$server" || true

# ---- what ip shows of them

left exec -l packet:left0 -a 198.18.0.1/24 --vlan 100,42 -- ip -d link >"$work/links" 2>&1 || true
check "ip -d link: an 802.1ad VLAN on the interface" sh -c "grep -A2 '^[0-9]*: left0.s100@left0: ' '$work/links' | grep -q 'vlan protocol 802.1ad id 100 '"
check "ip -d link: an 802.1Q VLAN on that one" sh -c "grep -A2 '^[0-9]*: left0.s100.42@left0.s100: .* mtu 1492 ' '$work/links' | grep -q 'vlan protocol 802.1Q id 42 '"
left exec -l packet:left0 -a 198.18.0.1/24 --vlan 42 --mpls 100/5,200 -- sh -c 'ip addr show dev left0.42; ip route' >"$work/links" 2>&1 || true
check "ip addr: the address is on the VLAN" grep -q ' inet 198.18.0.1/24 .* left0.42$' "$work/links"
check "ip route: the labels are an encapsulation" grep -q '^198.18.0.0/24 *encap mpls *100/200 dev left0.42 ' "$work/links"

# ---- segmentation offload: what the kernel does not cut, the stack does

for end in "left left0" "right right0"; do
    in_ns "${end% *}" ethtool -K "${end#* }" tx on tso on gso on gro on >/dev/null
done
for tags in "--vlan 42" "--vlan 100,42" "--mpls 1000" "--vlan 100,42 --mpls 16,17,18"; do
    # shellcheck disable=SC2086 # words
    start_in_ns right "$work/services.log" "$WEIR" services packet:right0 -a 198.18.0.2/24 $tags
    server=$started_pid
    wait_for 20 grep -q "daytime on" "$work/services.log" || not_ok "weir services starts" "$(cat "$work/services.log")"
    # shellcheck disable=SC2086
    check "with offloads on, TCP echo of 5 MB: $tags" left services packet:left0 198.18.0.2 --ask echo -a 198.18.0.1/24 -s 5000000 $tags
    stop "$server" || true
done

# ---- a switch of the kernel: right0's peer is a trunk port, another one an access port

ns_add switch
ns_add access
for host in trunk access; do
    if [ $host = trunk ]; then ns=right; else ns=access; fi
    veth_add $ns "$host"1 switch "$host"0
done
switched="VLAN 42 through a bridge of the kernel"
if in_ns switch ip link add br0 type bridge vlan_filtering 1 vlan_default_pvid 0 mcast_snooping 0 2>"$work/bridge.err"; then
    in_ns switch ip link set br0 up
    in_ns switch ip link set trunk0 master br0
    in_ns switch ip link set access0 master br0
    in_ns switch bridge vlan add dev trunk0 vid 42-43
    in_ns switch bridge vlan add dev access0 vid 42 pvid untagged
    start_in_ns access "$work/services.log" "$WEIR" services packet:access1 -a 198.18.0.2/24
    server=$started_pid
    wait_for 20 grep -q "daytime on" "$work/services.log" || not_ok "weir services starts" "$(cat "$work/services.log")"
    over_trunk() { in_ns right timeout 60 "$WEIR" "$@"; }
    check "$switched: TCP echo of 1 MB from a trunk port to an access port" over_trunk services packet:trunk1 198.18.0.2 --ask echo -a 198.18.0.1/24 -s 1000000 --vlan 42
    check "$switched: UDP echo" over_trunk services packet:trunk1 198.18.0.2 --ask echo -u -a 198.18.0.1/24 -s 20000 --vlan 42
    check "$switched: another VLAN of the trunk does not get there" sh -c \
        "! nsenter --net=/run/netns/weir-$$-right '$WEIR' ping packet:trunk1 198.18.0.2 -a 198.18.0.1/24 -c 2 -i 10ms -W 300ms --vlan 43"
    check "$switched: nor does an untagged frame" sh -c \
        "! nsenter --net=/run/netns/weir-$$-right '$WEIR' ping packet:trunk1 198.18.0.2 -a 198.18.0.1/24 -c 2 -i 10ms -W 300ms"
    stop "$server" || true
else
    skip "$switched" "the kernel has no CONFIG_BRIDGE_VLAN_FILTERING"
fi
