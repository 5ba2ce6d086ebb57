/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and the numbering of networks by tables; the kernel's list of interfaces in a network namespace. */
#include "drv/networks.h"
#include "drv/netns.h"
#include "drv/rig.h"

#include <string.h>

static struct qd_interfaces machine; /* large: not on the stack */
static struct qd_networks networks;

/* ------------------------------------------------ addresses */

static void addresses_are_read_and_written(void)
{
	static const struct {
		const char *text;
		const char *again; /* NULL: refused */
	} cases[] = {
		{"", NULL},
		{"host", NULL},
		{"10.0.0", NULL},
		{"10.0.0.256", NULL},
		{"10.0.0.1 ", NULL},
		{"10.0.0.1%eth0", NULL},
		{"[::1]", NULL},
		{"::ffff:10.0.0.1", NULL},
		{"fe80::1%", NULL},
		{"fe80::1%a-name-too-long-0", NULL},
		{"2001:db8::1%eth0", NULL},
		{"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb", NULL},
		{"10.0.0.1", "10.0.0.1"},
		{"2001:DB8:0::7", "2001:db8::7"},
		{"fe80::1", "fe80::1"},
		{"fe80::1%eth1.100", "fe80::1%eth1.100"},
		{"febf::1%fifteen-chars-x", "febf::1%fifteen-chars-x"},
	};
	char text[QD_ADDRESS_TEXT_MAX];
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct qd_address a = {.family = AF_INET};
		const bool good = qd_address_parse(cases[i].text, &a);
		qd_address_format(&a, text, sizeof text);
		if (!CHECK(good == (cases[i].again != NULL) &&
			   strcmp(text, good ? cases[i].again : "none") == 0))
			printf("  \"%s\" became %s\n", cases[i].text, text);
	}
}

static struct qd_address address(const char *text)
{
	struct qd_address a;
	CHECK(qd_address_parse(text, &a));
	return a;
}

static void prefixes_are_compared_by_bits(void)
{
	static const struct {
		const char *a, *b;
		uint32_t bits;
		bool same;
	} cases[] = {
		{"10.1.2.3", "10.1.2.4", 24, true},	 {"10.1.2.3", "10.1.3.3", 24, false},
		{"10.1.2.3", "10.1.3.3", 23, true},	 {"10.1.2.127", "10.1.2.128", 25, false},
		{"10.1.2.3", "10.1.2.3", 32, true},	 {"10.1.2.3", "10.1.2.2", 32, false},
		{"10.1.2.3", "99.9.9.9", 0, true},	 {"10.1.2.3", "a01:203::", 24, false},
		{"fd00:1::1", "fd00:1::2", 64, true},	 {"fd00:1::1", "fd00:2::1", 64, false},
		{"fd00::7fff", "fd00::8000", 112, true}, {"fd00::7fff", "fd00::8000", 113, false},
		{"fe80::1%a", "fe80::2%b", 64, true},	 {"fd00::1", "fd00::1", 128, true},
		{"fd00::1", "fd00::", 127, true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct qd_address a = address(cases[i].a), b = address(cases[i].b);
		if (!CHECK(qd_address_same_prefix(&a, &b, cases[i].bits) == cases[i].same))
			printf("  %s and %s, %u bits\n", cases[i].a, cases[i].b, cases[i].bits);
	}
	const struct qd_address none = {0};
	CHECK(!qd_address_same_prefix(&none, &none, 0));
}

/* ------------------------------------------------ numbering */

static struct qd_interface *interface(const char *name, enum qd_interface_kind kind, bool gateway)
{
	struct qd_interface *i = &machine.list[machine.count++];
	*i = (struct qd_interface){
		.index = machine.count, .kind = kind, .up = true, .running = true, .gateway = gateway};
	(void)snprintf(i->name, sizeof i->name, "%s", name);
	return i;
}

static struct qd_interface_address *with(struct qd_interface *i, const char *text, uint32_t bits)
{
	struct qd_interface_address *a = &i->addresses[i->address_count++];
	*a = (struct qd_interface_address){.address = address(text), .prefix_bits = bits, .usable = true};
	return a;
}

static void make(const struct qd_networks_config *config)
{
	qd_networks_make(&machine, config, &networks);
}

/* The reference's worked example: five networks and their automatic metrics. */
static void metrics_are_those_of_the_worked_example(void)
{
	static const struct {
		const char *name;
		bool gateway;
		uint32_t metric;
	} example[] = {{"iSCSI", false, 1000},
		       {"Backup", false, 1100},
		       {"Host", true, 10000},
		       {"CSV", false, 1200},
		       {"LM", false, 1300}};
	const struct qd_networks_config config = {.family = AF_INET};
	char text[QD_ADDRESS_TEXT_MAX];
	machine = (struct qd_interfaces){0};
	for (int i = 0; i < 5; i++) {
		(void)snprintf(text, sizeof text, "10.0.%d.1", i);
		with(interface(example[i].name, QD_INTERFACE_PLAIN, example[i].gateway), text, 24);
	}
	make(&config);
	CHECK(networks.count == 5 && networks.left_out == 0 && networks.duplicates == 0);
	for (int i = 0; i < 5; i++)
		CHECK(strcmp(networks.list[i].name, example[i].name) == 0 &&
		      networks.list[i].metric == example[i].metric && networks.list[i].up &&
		      networks.list[i].role == (example[i].gateway ? QD_NETWORK_BOTH : QD_NETWORK_CLUSTER));
}

static void what_is_no_network(void)
{
	const struct qd_networks_config config = {.family = AF_INET};
	machine = (struct qd_interfaces){0};
	with(interface("lo", QD_INTERFACE_LOOPBACK, false), "127.0.0.1", 8);
	with(interface("vip", QD_INTERFACE_PLAIN, false), "10.1.0.1", 32);
	with(interface("ppp", QD_INTERFACE_PLAIN, true), "10.2.0.1", 24)->peer = true;
	with(interface("apipa", QD_INTERFACE_PLAIN, false), "169.254.1.1", 16);
	with(interface("six", QD_INTERFACE_PLAIN, false), "fd00::1", 64);
	struct qd_interface *bond = interface("bond", QD_INTERFACE_BOND, false);
	struct qd_interface *port = interface("port", QD_INTERFACE_PLAIN, false);
	port->master = bond->index;
	with(port, "10.3.0.1", 24);
	make(&config);
	CHECK(networks.count == 0 && networks.duplicates == 0);
	bond->kind = QD_INTERFACE_PLAIN; /* a VRF */
	make(&config);
	CHECK(networks.count == 1 && strcmp(networks.list[0].interface, "port") == 0);
}

static void an_interface_with_several_addresses(void)
{
	struct qd_networks_config config = {.family = AF_INET};
	machine = (struct qd_interfaces){0};
	struct qd_interface *i = interface("eth0", QD_INTERFACE_PLAIN, true);
	with(i, "10.0.0.9", 24)->secondary = true; /* a floating one */
	with(i, "10.0.0.1", 24);
	with(i, "10.0.0.2", 24);
	with(i, "10.5.0.1", 16);
	with(interface("eth1", QD_INTERFACE_PLAIN, false), "10.0.0.3", 24);
	make(&config);
	CHECK(networks.count == 2 && networks.duplicates == 1); /* eth1 is not another path */
	CHECK(strcmp(networks.list[0].name, "eth0") == 0 && networks.list[0].address.bytes[3] == 1);
	CHECK(strcmp(networks.list[1].name, "eth0-2") == 0 && networks.list[1].prefix.bytes[3] == 0);
	CHECK(networks.list[1].metric == 10100 && networks.list[1].prefix_bits == 16);
	config.family = AF_INET6;
	config.link_local = true;
	with(i, "fe80::1%eth0", 64);
	with(&machine.list[1], "fe80::1%eth1", 64);
	with(&machine.list[1], "fd00::5", 64)->usable = false;
	make(&config); /* fe80:: of two interfaces are two networks; eth1 has something better, not usable yet */
	CHECK(networks.count == 2 && networks.duplicates == 0);
	CHECK(networks.list[0].up && !networks.list[1].up && networks.list[1].address.bytes[0] == 0xfd);
	config.link_local = false;
	make(&config);
	CHECK(networks.count == 1);
}

static void loopback_only_when_asked_for(void)
{
	const struct qd_networks_config config = {.family = AF_INET, .loopback = true};
	machine = (struct qd_interfaces){0};
	struct qd_interface *lo = interface("lo", QD_INTERFACE_LOOPBACK, false);
	with(lo, "127.0.0.1", 8);
	with(lo, "127.0.1.1", 8)->secondary = true;
	make(&config);
	CHECK(networks.count == 2 && networks.list[1].metric == 1100);
}

static void what_is_up_and_what_is_redundant(void)
{
	const struct qd_networks_config config = {.family = AF_INET};
	machine = (struct qd_interfaces){0};
	with(interface("bond0", QD_INTERFACE_BOND, false), "10.0.0.1", 24);
	struct qd_interface *vlan = interface("bond0.7", QD_INTERFACE_VLAN, false);
	with(vlan, "10.0.7.1", 24);
	vlan->parent = 1;
	with(interface("team0", QD_INTERFACE_TEAM, false), "10.1.0.1", 24);
	struct qd_interface *eth = interface("eth0", QD_INTERFACE_PLAIN, false);
	with(eth, "10.2.0.1", 24);
	struct qd_interface *other = interface("eth0.7", QD_INTERFACE_VLAN, false);
	with(other, "10.2.7.1", 24);
	other->parent = eth->index;
	eth->running = false;
	make(&config);
	CHECK(networks.count == 5);
	for (uint32_t i = 0; i < 5; i++)
		CHECK(networks.list[i].redundant == (i < 3) && networks.list[i].up == (i != 3));
}

static void more_networks_than_there_is_room_for(void)
{
	const struct qd_networks_config config = {.family = AF_INET};
	char text[QD_ADDRESS_TEXT_MAX];
	machine = (struct qd_interfaces){0};
	for (int i = 0; i < QD_NETWORKS_MAX + 3; i++) {
		(void)snprintf(text, sizeof text, "10.0.%d.1", i);
		with(interface("e", QD_INTERFACE_PLAIN, false), text, 24);
	}
	make(&config);
	CHECK(networks.count == QD_NETWORKS_MAX && networks.left_out == 3);
}

static void subnets_are_told_apart(void)
{
	const struct qd_networks_config config = {.family = AF_INET};
	machine = (struct qd_interfaces){0};
	with(interface("a", QD_INTERFACE_PLAIN, false), "10.0.0.1", 16);
	with(interface("b", QD_INTERFACE_PLAIN, false), "10.1.0.1", 24);
	make(&config);
	static const struct {
		const char *local, *peer;
		bool same;
	} cases[] = {
		{"10.0.0.1", "10.0.9.9", true},	 {"10.1.0.1", "10.1.9.9", false},
		{"10.1.0.1", "10.1.0.9", true},	 {"10.0.0.1", "10.1.0.9", false},
		{"10.9.0.1", "10.9.0.2", false}, {"127.0.0.1", "127.7.0.2", true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct qd_address local = address(cases[i].local), peer = address(cases[i].peer);
		CHECK(qd_networks_same_subnet(&networks, &local, &peer) == cases[i].same);
	}
}

/* ------------------------------------------------ the kernel's list */

struct seen {
	struct qd_loop loop;
	struct qd_interfaces_watch *watch;
	unsigned changes;
	/* looked for */
	const char *name;
	bool there, running, gateway;
	uint32_t addresses;
};

static struct seen seen;

static void on_change(void *context, const struct qd_interfaces *now)
{
	struct seen *s = context;
	s->changes++;
	CHECK(now == qd_interfaces_list(s->watch));
}

/* Index 0: there is none of that name. */
static const struct qd_interface *named(const char *name)
{
	static const struct qd_interface none = {0};
	const struct qd_interfaces *list = qd_interfaces_list(seen.watch);
	for (uint32_t i = 0; list != NULL && i < list->count; i++)
		if (strcmp(list->list[i].name, name) == 0)
			return &list->list[i];
	return &none;
}

static bool as_wanted(void *context)
{
	const struct seen *s = context;
	qd_interfaces_think(s->watch, qd_clock_now());
	const struct qd_interface *i = named(s->name);
	return qd_interfaces_list(s->watch) != NULL && (i->index != 0) == s->there &&
	       (!s->there ||
		(i->running == s->running && i->gateway == s->gateway && i->address_count == s->addresses));
}

/* Until the list says that of `name`. */
static bool becomes(const char *name, bool running, bool gateway, uint32_t addresses)
{
	seen.name = name;
	seen.there = true;
	seen.running = running;
	seen.gateway = gateway;
	seen.addresses = addresses;
	return netns_until(&seen.loop, as_wanted, &seen);
}

static bool vanishes(const char *name)
{
	seen.name = name;
	seen.there = false;
	return netns_until(&seen.loop, as_wanted, &seen);
}

static bool watch(const struct netns *ns)
{
	seen = (struct seen){0};
	CHECK(qd_loop_open(&seen.loop) == 0);
	netns_enter(ns);
	const int rc = qd_interfaces_open(&seen.watch, &seen.loop, on_change, &seen);
	netns_enter(NULL);
	return CHECK(rc == 0 && qd_interfaces_list(seen.watch) == NULL);
}

static void unwatch(void)
{
	qd_interfaces_close(seen.watch);
	qd_loop_close(&seen.loop);
}

static void interfaces_are_followed(void)
{
	struct netns ns[2];
	if (!netns_open(ns, 2))
		return;
	if (watch(&ns[0])) {
		CHECK(becomes("lo", true, false, 2) && seen.changes == 1);
		CHECK(named("lo")->kind == QD_INTERFACE_LOOPBACK && named("lo")->index == 1);
		CHECK(named("lo")->addresses[0].prefix_bits == 8 &&
		      named("lo")->addresses[1].prefix_bits == 128);
		netns_join(&ns[0], &ns[1], "v");
		CHECK(becomes("v", true, false, 0) && named("v")->kind == QD_INTERFACE_PLAIN);
		CHECK(named("v")->parent == 0 && named("v")->mtu == 1500);
		netns_do(&ns[0], "ip addr add 10.7.0.1/24 dev v");
		netns_do(&ns[0], "ip addr add 10.7.0.2/24 dev v");
		netns_do(&ns[0], "ip addr add 10.8.0.1 peer 10.8.0.2/24 dev v");
		netns_do(&ns[0], "ip addr add fe80::7/64 dev v nodad");
		CHECK(becomes("v", true, false, 4));
		const struct qd_interface_address *a = named("v")->addresses;
		CHECK(!a[0].secondary && !a[0].peer && a[0].usable && a[0].prefix_bits == 24);
		for (int i = 1; i < 3; i++) /* the kernel's order of these two is its own */
			CHECK(a[i].peer == (a[i].address.bytes[1] == 8) && a[i].secondary != a[i].peer);
		CHECK(strcmp(a[3].address.scope, "v") == 0 && a[3].usable);
		netns_do(&ns[1], "ip link set v down"); /* the cable */
		CHECK(becomes("v", false, false, 4) && named("v")->up);
		netns_do(&ns[1], "ip link set v up");
		CHECK(becomes("v", true, false, 4));
		netns_do(&ns[0], "ip addr del 10.7.0.1/24 dev v"); /* and with it its secondary one */
		CHECK(becomes("v", true, false, 2));
		netns_do(&ns[0], "ip link del v");
		CHECK(vanishes("v") && qd_interfaces_count(seen.watch)->errors == 0);
	}
	unwatch();
	netns_close(ns, 2);
}

static void default_gateways_are_found(void)
{
	static const char *const routes[][2] = {
		{"ip route add default via 10.7.0.9", "ip route del default"},
		{"ip -6 route add default via fd07::9", "ip -6 route del default"},
		{"ip route add default nexthop via 10.7.0.9 nexthop via 10.7.0.8", "ip route del default"},
		{"ip route add default dev v", "ip route del default"},
	};
	static const char *const not_default[] = {
		"ip route add 10.9.0.0/16 via 10.7.0.9",
		"ip route add default via 10.7.0.9 table 77",
		"ip -6 route add default via fd07::9 table 77",
		"ip route add blackhole default",
		"ip -6 route add unreachable default metric 4000", /* over the loopback, says the kernel */
	};
	struct netns ns[2];
	if (!netns_open(ns, 2))
		return;
	netns_join(&ns[0], &ns[1], "v");
	netns_do(&ns[0], "ip addr add 10.7.0.1/24 dev v");
	netns_do(&ns[0], "ip addr add fd07::1/64 dev v nodad");
	for (size_t i = 0; i < sizeof not_default / sizeof not_default[0]; i++)
		netns_do(&ns[0], not_default[i]);
	if (watch(&ns[0])) {
		CHECK(becomes("v", true, false, 2) && !named("lo")->gateway);
		netns_do(&ns[0], "ip route del blackhole default");
		for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
			netns_do(&ns[0], routes[i][0]);
			CHECK(becomes("v", true, true, 2) && !named("lo")->gateway);
			netns_do(&ns[0], routes[i][1]);
			CHECK(becomes("v", true, false, 2));
		}
	}
	unwatch();
	netns_close(ns, 2);
}

static void kinds_and_ports_are_seen(void)
{
	struct netns ns[2];
	if (!netns_open(ns, 2))
		return;
	netns_join(&ns[0], &ns[1], "v");
	netns_do(&ns[0], "ip link add bridge0 type bridge");
	netns_do(&ns[0], "ip link set bridge0 addrgenmode none");
	netns_do(&ns[0], "ip link set bridge0 up");
	netns_do(&ns[0], "ip link set v master bridge0");
	if (watch(&ns[0])) {
		CHECK(becomes("bridge0", true, false, 0) && named("bridge0")->kind == QD_INTERFACE_BRIDGE);
		CHECK(named("v")->index != 0 && named("v")->master == named("bridge0")->index);
		CHECK(named("bridge0")->master == 0);
	}
	unwatch();
	netns_close(ns, 2);
}

/* Readings are far fewer than changes, the last one is right, and other routes cause none. */
static void bursts_are_read_once(void)
{
	struct netns ns[2];
	char command[96];
	if (!netns_open(ns, 2))
		return;
	netns_join(&ns[0], &ns[1], "v");
	netns_do(&ns[0], "ip addr add 10.7.0.1/24 dev v");
	if (watch(&ns[0])) {
		CHECK(becomes("v", true, false, 1));
		const uint64_t before = qd_interfaces_count(seen.watch)->readings;
		netns_do(&ns[0], "ip route add 10.9.0.0/16 via 10.7.0.9");
		netns_quiet(&seen.loop, 50);
		CHECK(qd_mono_is_never(qd_interfaces_deadline(seen.watch)));
		for (int i = 2; i < 16; i++) {
			(void)snprintf(command, sizeof command, "ip addr add 10.7.0.%d/24 dev v", i);
			netns_do(&ns[0], command);
		}
		CHECK(becomes("v", true, false, 15));
		CHECK(qd_interfaces_count(seen.watch)->readings <= before + 2);
		netns_do(&ns[0], "ip addr add 10.7.0.50/24 dev v");
		netns_do(&ns[0], "ip addr add 10.7.0.51/24 dev v"); /* finds no room */
		CHECK(becomes("v", true, false, QD_INTERFACE_ADDRESSES_MAX));
		CHECK(qd_interfaces_list(seen.watch)->left_out == 1);
	}
	unwatch();
	netns_close(ns, 2);
}

int main(int argc, char **argv)
{
	static const struct rig_test tests[] = {
		{"addresses are read and written", addresses_are_read_and_written},
		{"prefixes are compared by bits", prefixes_are_compared_by_bits},
		{"what is no network", what_is_no_network},
		{"metrics are those of the worked example", metrics_are_those_of_the_worked_example},
		{"an interface with several addresses", an_interface_with_several_addresses},
		{"loopback only when asked for", loopback_only_when_asked_for},
		{"what is up and what is redundant", what_is_up_and_what_is_redundant},
		{"more networks than there is room for", more_networks_than_there_is_room_for},
		{"subnets are told apart", subnets_are_told_apart},
		{"interfaces are followed", interfaces_are_followed},
		{"default gateways are found", default_gateways_are_found},
		{"kinds and ports are seen", kinds_and_ports_are_seen},
		{"bursts are read once", bursts_are_read_once},
	};
	return rig_main("t_networks", tests, sizeof tests / sizeof tests[0], argc, argv);
}
