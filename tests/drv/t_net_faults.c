/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams between network namespaces: addresses and interfaces that come late and go, firewalls, small MTUs. */
#include "drv/netpair.h"
#include "drv/rig.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <stdalign.h>
#include <unistd.h>

enum {
	A = NETPAIR_A,
	B = NETPAIR_B,
};

static void an_address_that_comes_late_and_goes(void)
{
	static const char *const texts[2][2] = {{"10.7.0.1", "10.7.0.2"}, {"fd07::1", "fd07::2"}};
	static const char *const adds[2] = {"ip addr add 10.7.0.1/24 dev v",
					    "ip addr add fd07::1/64 dev v nodad"};
	static const char *const dels[2] = {"ip addr del 10.7.0.1/24 dev v", "ip addr del fd07::1/64 dev v"};
	static const char *const others[2] = {"ip addr add 10.7.0.2/24 dev v",
					      "ip addr add fd07::2/64 dev v nodad"};
	struct netns ns[2];
	if (!netns_open(ns, 2))
		return;
	for (int i = 0; i < 2; i++) {
		const struct qd_net_config c = netpair_link(0, texts[i][0], texts[i][1]);
		netpair_begin(ns, &c); /* no interface at all */
		CHECK(qd_net_link(pair.a.net, 0)->open && qd_net_link(pair.a.net, 0)->missing == 0);
		netpair_send(&pair.a, B, 1, 4);
		CHECK(netpair_count(&pair.a, 0)->unreachable == 1 && netpair_count(&pair.a, 0)->sent == 0);
		CHECK(qd_net_link(pair.a.net, 0)->last_error < 0);
		netns_join(&ns[0], &ns[1], "v");
		netns_do(&ns[1], others[i]);
		netns_do(&ns[0], adds[i]);
		CHECK(netpair_passes(600) && qd_net_link(pair.a.net, 0)->last_error == 0);
		netns_do(&ns[0], dels[i]);
		const uint64_t failed = netpair_count(&pair.a, 0)->unreachable;
		netpair_send(&pair.a, B, 1, 4);
		CHECK(netpair_count(&pair.a, 0)->unreachable == failed + 1);
		if (i == 0) { /* the way is there, the address is not */
			netns_do(&ns[0], "ip addr add 10.9.0.1/24 dev v");
			netns_do(&ns[0], "ip route add 10.7.0.2 dev v");
			netpair_send(&pair.a, B, 1, 4);
			CHECK(netpair_count(&pair.a, 0)->unreachable == failed + 2);
			netns_do(&ns[0], "ip route del 10.7.0.2 dev v");
		}
		netns_do(&ns[0], adds[i]);
		CHECK(netpair_passes(600) &&
		      netpair_count(&pair.a, 0)->opened == 1); /* nobody had to be told */
		netns_do(&ns[0], "ip link del v");
		netpair_end();
	}
	netns_close(ns, 2);
}

/* Two that reach each other over one wire. */
static bool joined(struct netns ns[2])
{
	const struct qd_net_config c = netpair_link(0, "10.7.0.1", "10.7.0.2");
	if (!netns_open(ns, 2))
		return false;
	netns_join(&ns[0], &ns[1], "v");
	netns_do(&ns[0], "ip addr add 10.7.0.1/24 dev v");
	netns_do(&ns[1], "ip addr add 10.7.0.2/24 dev v");
	netpair_begin(ns, &c);
	CHECK(netpair_passes(4));
	return true;
}

static void a_link_that_goes_down_and_comes_up(void)
{
	struct netns ns[2];
	if (!joined(ns))
		return;
	netns_do(&ns[0], "ip link set v down");
	const uint64_t received = pair.b.received;
	netpair_send(&pair.a, B, 1, 4);
	CHECK(netpair_count(&pair.a, 0)->unreachable == 1);
	netpair_send(&pair.b, A, 1, 4); /* lost without a word, or not sent: no carrier */
	netns_quiet(&pair.loop, 50);
	CHECK(pair.b.received == received);
	netns_do(&ns[0], "ip link set v up");
	CHECK(netpair_passes(4));
	netpair_end();
	netns_close(ns, 2);
}

static void what_a_firewall_drops(void)
{
	struct netns ns[2];
	if (!joined(ns))
		return;
	const uint64_t received = pair.b.received, sent = netpair_count(&pair.a, 0)->sent;
	netns_do(&ns[1], "nft add table ip f");
	netns_do(&ns[1], "nft add chain ip f i { type filter hook input priority 0 ; policy drop ; }");
	netpair_send(&pair.a, B, 1, 4); /* silently gone */
	netns_quiet(&pair.loop, 50);
	CHECK(pair.b.received == received && netpair_count(&pair.a, 0)->sent == sent + 1);
	netns_do(&ns[0], "nft add table ip f");
	netns_do(&ns[0], "nft add chain ip f o { type filter hook output priority 0 ; policy drop ; }");
	netpair_send(&pair.a, B, 1, 4); /* refused here */
	CHECK(netpair_count(&pair.a, 0)->forbidden == 1 && qd_net_link(pair.a.net, 0)->last_error == -EPERM);
	netns_do(&ns[0], "nft delete table ip f");
	netns_do(&ns[1], "nft delete table ip f");
	CHECK(netpair_passes(4));
	netpair_end();
	netns_close(ns, 2);
}

/* A -- router -- B; the second network carries less than the first, and A is not told so. */
static void a_path_of_a_smaller_mtu(void)
{
	static const char *const texts[2][2] = {{"10.7.1.1", "10.7.2.2"}, {"fd07:1::1", "fd07:2::2"}};
	static const char *const setup[] = {
		"0 ip addr add 10.7.1.1/24 dev v",
		"0 ip addr add fd07:1::1/64 dev v nodad",
		"1 ip addr add 10.7.2.2/24 dev w",
		"1 ip addr add fd07:2::2/64 dev w nodad",
		"2 ip addr add 10.7.1.9/24 dev v",
		"2 ip addr add fd07:1::9/64 dev v nodad",
		"2 ip addr add 10.7.2.9/24 dev w",
		"2 ip addr add fd07:2::9/64 dev w nodad",
		"0 ip route add default via 10.7.1.9",
		"0 ip -6 route add default via fd07:1::9",
		"1 ip route add default via 10.7.2.9",
		"1 ip -6 route add default via fd07:2::9",
		"2 ip addr add fe80::9/64 dev v nodad",
		"2 ip addr add fe80::9/64 dev w nodad", /* a router asks from it */
		"2 sysctl -qw net.ipv4.ip_forward=1",
		"2 sysctl -qw net.ipv6.conf.all.forwarding=1",
		"1 ip link set w mtu 1280",
		"2 ip link set w mtu 1280",
		"0 nft add table inet f",
		"0 nft add chain inet f i { type filter hook input priority 0 ; }",
		"0 nft add rule inet f i icmp type destination-unreachable drop",
		"0 nft add rule inet f i icmpv6 type packet-too-big drop",
	};
	struct netns ns[3];
	if (!netns_open(ns, 3))
		return;
	netns_join(&ns[0], &ns[2], "v");
	netns_join(&ns[1], &ns[2], "w");
	for (size_t i = 0; i < sizeof setup / sizeof setup[0]; i++)
		netns_do(&ns[setup[i][0] - '0'], setup[i] + 2);
	for (int i = 0; i < 2; i++) {
		const struct qd_net_config c = netpair_link(0, texts[i][0], texts[i][1]);
		netpair_begin(ns, &c);
		netns_do(&ns[2], "nft add table inet g");
		netns_do(&ns[2], "nft add chain inet g f { type filter hook forward priority -300 ; }");
		netns_do(&ns[2], i == 0 ? "nft add rule inet g f ip frag-off & 0x3fff != 0 drop"
					: "nft add rule inet g f exthdr frag exists drop");
		CHECK(netpair_passes(QD_NET_WHOLE_MAX)); /* in one piece, either way */
		netns_do(&ns[2], "nft delete table inet g");
		CHECK(netpair_passes(4000));
		if (i == 1) /* what fits A's own network is not cut without a router's word */
			netns_do(&ns[0], "nft delete table inet f");
		CHECK(netpair_passes(1400));
		CHECK(netpair_count(&pair.a, 0)->too_large == 0 && netpair_count(&pair.b, 0)->too_large == 0);
		netpair_end();
	}
	netns_close(ns, 3);
}

static void an_interface_that_is_replaced(void)
{
	struct netns ns[2];
	const struct qd_net_config c = netpair_link(0, "fe80::1%v", "fe80::2%v");
	if (!netns_open(ns, 2))
		return;
	netpair_begin(ns, &c);
	CHECK(!qd_net_link(pair.a.net, 0)->open && qd_net_link(pair.a.net, 0)->open_error == -ENODEV);
	for (unsigned round = 1; round <= 2; round++) {
		netns_join(&ns[0], &ns[1], "v");
		netns_do(&ns[0], "ip addr add fe80::1/64 dev v nodad");
		netns_do(&ns[1], "ip addr add fe80::2/64 dev v nodad");
		netpair_look_again(&pair.a);
		netpair_look_again(&pair.b);
		CHECK(netpair_passes(600) && netpair_count(&pair.a, 0)->opened == round);
		netpair_look_again(&pair.a);
		CHECK(netpair_count(&pair.a, 0)->opened == round); /* nothing to do */
		netns_do(&ns[0], "ip link del v");
	}
	netpair_look_again(&pair.a);
	CHECK(!qd_net_link(pair.a.net, 0)->open && !qd_mono_is_never(qd_net_deadline(pair.a.net)));
	netpair_end();
	netns_close(ns, 2);
}

struct classed {
	int fd, level, type;
	bool good;
};

/* Something has come, and it is of that class. Else it is sent again: a busy machine may lose a packet even to itself. */
static bool has_come(void *context)
{
	struct classed *k = context;
	struct iovec part = {pair.payload, sizeof pair.payload};
	alignas(struct cmsghdr) uint8_t control[64];
	struct msghdr m = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	if (recvmsg(k->fd, &m, 0) < 0) {
		netpair_send(&pair.a, B, 1, 4);
		return false;
	}
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	k->good = c != NULL && c->cmsg_level == k->level && c->cmsg_type == k->type &&
		  *CMSG_DATA(c) == IPTOS_CLASS_CS6;
	return true;
}

static bool class_is_cs6(int fd, int level, int type)
{
	struct classed k = {fd, level, type, false};
	return netns_until(&pair.loop, has_come, &k) && k.good;
}

static void packets_are_of_class_cs6(void)
{
	static const char *const texts[2][2] = {{"127.0.0.1", "127.0.0.2"}, {"fd07::1", "fd07::2"}};
	const int one = 1;
	struct netns ns[1];
	if (!netns_open(ns, 1))
		return;
	netns_do(ns, "ip addr add fd07::1/128 dev lo nodad");
	netns_do(ns, "ip addr add fd07::2/128 dev lo nodad");
	CHECK(qd_loop_open(&pair.loop) == 0);
	for (int i = 0; i < 2; i++) {
		const struct qd_net_config c = netpair_link(0, texts[i][0], texts[i][1]);
		const int level = i == 0 ? IPPROTO_IP : IPPROTO_IPV6;
		netns_enter(ns);
		const int fd = netpair_stranger(texts[i][1], QD_NET_PORT);
		netns_enter(NULL);
		CHECK(setsockopt(fd, level, i == 0 ? IP_RECVTOS : IPV6_RECVTCLASS, &one, sizeof one) == 0);
		netpair_open(&pair.a, ns, &c, A);
		CHECK(class_is_cs6(fd, level, i == 0 ? IP_TOS : IPV6_TCLASS));
		qd_net_close(pair.a.net);
		(void)close(fd);
	}
	qd_loop_close(&pair.loop);
	netns_close(ns, 1);
}

int main(int argc, char **argv)
{
	static const struct rig_test tests[] = {
		{"an address that comes late and goes", an_address_that_comes_late_and_goes},
		{"a link that goes down and comes up", a_link_that_goes_down_and_comes_up},
		{"what a firewall drops", what_a_firewall_drops},
		{"a path of a smaller MTU", a_path_of_a_smaller_mtu},
		{"an interface that is replaced", an_interface_that_is_replaced},
		{"packets are of class CS6", packets_are_of_class_cs6},
	};
	return rig_main("t_net_faults", tests, sizeof tests / sizeof tests[0], argc, argv);
}
