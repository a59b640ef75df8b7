/* SPDX-License-Identifier: BSD-3-Clause */
/* tcpmill-generate: makes the captures that tests and benches of tcpmill read. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attack.h"
#include "bulk.h"
#include "fuzz.h"
#include "output.h"
#include "script.h"

static const char usage[] =
	"usage: tcpmill-generate list\n"
	"       tcpmill-generate scenario NAME -o FILE [wrapping]\n"
	"       tcpmill-generate bulk --packets N [options] -o FILE [wrapping]\n"
	"       tcpmill-generate attack NAME --packets N [--flows M] [--tick NS] -o FILE "
	"[wrapping]\n"
	"       tcpmill-generate fuzz --packets N [--seed S] [--profile P] -o FILE [wrapping]\n"
	"\n"
	"Same arguments, same bytes, on any machine. FILE - is stdout.\n"
	"\n"
	"wrapping:\n"
	"  --format F    pcap, pcap-ns, pcap-be, pcap-ns-be, pcap-modified, pcapng,\n"
	"                pcapng-be, or pcapng-multi (two sections, eight interfaces of\n"
	"                several link types; --link is not used)     [pcap]\n"
	"  --link L      ethernet, vlan, qinq, mpls, pppoe, llc-snap, sll, sll2, raw,\n"
	"                ipv4, ipv6, null, loop, ppp                 [ethernet]\n"
	"  --snaplen N   bytes kept of each frame                    [all]\n"
	"\n"
	"bulk options:\n"
	"  --packets N           frames to write, exactly\n"
	"  --flows M             TCP flows to spread them over       [N / 20]\n"
	"  --packets-per-flow P  instead of --flows; A-B: each flow has A to B frames\n"
	"  --live L              flows at once                       [10,000]\n"
	"  --order random|round-robin                                [random]\n"
	"  --size 96snap|full|small|1500   snaplen 96; mixed, 450 bytes on average; no more\n"
	"                        than an ACK; 1,514 bytes, no pure ACKs [96snap]\n"
	"  --ipv6 PCT            of flows                            [0]\n"
	"  --loss PCT            of data segments, before the capture [0]\n"
	"  --reorder PCT         of data segments                    [0]\n"
	"  --duplicates PCT      of packets, captured twice          [0]\n"
	"  --non-tcp PCT         of frames: UDP                      [0]\n"
	"  --dns PCT             of frames: DNS queries and answers  [0]\n"
	"  --sides both|one      one: of each flow only what one side sends is captured\n"
	"  --end fin|none        none: the first L flows never end\n"
	"  --tick NS             mean time between frames            [1000]\n"
	"  --seed S                                                  [1]\n"
	"attacks (frames of 1,000 ns, or --tick; --flows changes how many there are):\n"
	"  syn-flood    a SYN a packet, each of another client\n"
	"  port-reuse   SYNs on 1,000 tuples, each with another sequence number\n"
	"  holes        a gap in front of each packet, in one flow\n"
	"  many-holes   the same in 100,000 flows\n"
	"  unacked      data that nobody acknowledges, in 1,000 flows\n"
	"  walk         thousands of segments out of order, then ACKs of a byte each\n"
	"  options      40 bytes of odd options in each packet, in 1,000 flows\n"
	"  fragments    the first part of a datagram a packet, and no other\n"
	"  idle         a SYN flood, and an hour later one packet more\n"
	"\n"
	"The counts of a bulk trace are printed to stderr as key=value.\n"
	"\n"
	"fuzz options (random adversarial flows, pcap-ns unless --format says otherwise):\n"
	"  --packets N           frames to write, exactly\n"
	"  --profile mixed|wild|bulk|carried  mixed; mostly random segments; long flows;\n"
	"                        mixed, in fragments, tunnels and ICMP errors [mixed]\n"
	"  --seed S                                                  [1]\n";

struct arguments {
	const char *scenario;
	struct output_params output;
	struct bulk_params bulk;
	enum fuzz_profile profile;
};

static int fail(const char *what, const char *value)
{
	fprintf(stderr, "tcpmill-generate: %s: %s\n", what, value);
	return 2;
}

/* Returns 0, or the exit status after a message. */
static int set_option(struct arguments *args, const char *option, const char *text)
{
	uint64_t snaplen;
	bool ok;

	if (strcmp(option, "-o") == 0) {
		args->output.path = text;
		ok = true;
	} else if (strcmp(option, "--format") == 0) {
		args->output.format = output_format_from_name(text);
		ok = args->output.format >= 0;
	} else if (strcmp(option, "--link") == 0) {
		args->output.link = packet_link_from_name(text);
		ok = args->output.link < NB_PACKET_LINKS;
	} else if (strcmp(option, "--snaplen") == 0) {
		ok = bulk_parse_number(text, 65535, &snaplen);
		args->output.snaplen = ok ? (uint32_t)snaplen : 0;
	} else if (strcmp(option, "--profile") == 0) {
		args->profile = fuzz_profile_from_name(text);
		ok = args->profile < NB_FUZZ_PROFILES;
	} else {
		ok = bulk_set_option(&args->bulk, option, text);
	}
	if (ok)
		return 0;
	fprintf(stderr, "tcpmill-generate: %s %s: no such option or value; see --help\n", option,
		text);
	return 2;
}

static int parse_options(struct arguments *args, char **argv)
{
	int status = 0;

	for (; status == 0 && argv[0] != NULL; argv += 2) {
		if (argv[1] == NULL)
			return fail("a value is missing behind", argv[0]);
		status = set_option(args, argv[0], argv[1]);
	}
	if (status == 0 && args->output.path == NULL)
		return fail("an option is missing", "-o FILE");
	return status;
}

static int list_scenarios(void)
{
	const struct scenario *scenario;
	size_t i;

	for (i = 0; (scenario = scenario_at(i)) != NULL; i++)
		printf("%-24s %s\n", scenario->name, scenario->help);
	return fflush(stdout) == 0 ? 0 : 1;
}

/* The exit status, with a message when writing or closing failed. */
static int conclude(const struct arguments *args, int error, int close_error)
{
	if (error == -EPROTOTYPE)
		return fail("a packet does not fit this link type",
			    packet_link_name(args->output.link));
	if (error == 0)
		error = close_error;
	if (error != 0) {
		fail(args->output.path, strerror(-error));
		return 1;
	}
	return 0;
}

static int finish(const struct arguments *args, struct output *output, int error)
{
	return conclude(args, error, output_destroy(output));
}

static int run_scenario(struct arguments *args)
{
	const struct scenario *scenario = scenario_find(args->scenario);
	struct output *output;

	if (scenario == NULL)
		return fail("no such scenario (see list)", args->scenario);
	args->output.nb_frames = scenario_nb_frames(scenario);
	output = output_create(&args->output);
	if (output == NULL)
		return fail(args->output.path, strerror(errno));
	return finish(args, output, scenario_write(scenario, output));
}

static int run_bulk(struct arguments *args)
{
	struct bulk_counts counts = {.packets = 0};
	struct output *output;
	uint64_t file_bytes, captured;
	int error, status;

	if (args->bulk.nb_packets == 0)
		return fail("an option is missing", "--packets N");
	if (args->bulk.not_tcp_percent + args->bulk.dns_percent > 100)
		return fail("more than all frames", "--non-tcp and --dns");
	if (args->bulk.size == BULK_96SNAP && args->output.snaplen == 0)
		args->output.snaplen = 96;
	args->output.nb_frames = args->bulk.nb_packets;
	output = output_create(&args->output);
	if (output == NULL)
		return fail(args->output.path, strerror(errno));
	error = bulk_write(&args->bulk, output, &counts);
	file_bytes = output_bytes(output);
	captured = output_captured(output);
	status = finish(args, output, error);
	if (status == 0)
		bulk_print_counts(stderr, &counts, captured, file_bytes);
	return status;
}

static int run_attack(struct arguments *args)
{
	const struct attack_params params = {
		.attack = attack_find(args->scenario),
		.nb_packets = args->bulk.nb_packets,
		.nb_flows = args->bulk.nb_flows,
		.tick_ns = args->bulk.tick_ns,
	};
	struct output *output;

	if (params.attack == NULL)
		return fail("no such attack (see --help)", args->scenario);
	if (params.nb_packets == 0)
		return fail("an option is missing", "--packets N");
	args->output.nb_frames = params.nb_packets;
	output = output_create(&args->output);
	if (output == NULL)
		return fail(args->output.path, strerror(errno));
	return finish(args, output, attack_write(&params, output));
}

static int run_fuzz(struct arguments *args)
{
	const struct capture_interface interface = {
		.link_type = packet_link_type(args->output.link),
		.tsresol = 9,
	};
	const struct fuzz_params params = {
		.seed = args->bulk.seed,
		.nb_packets = args->bulk.nb_packets,
		.profile = args->profile,
		.link = args->output.link,
	};
	struct capture_file *file;
	int error;

	if (params.nb_packets == 0)
		return fail("an option is missing", "--packets N");
	if (args->output.format == OUTPUT_PCAPNG_MULTI || args->output.snaplen != 0)
		return fail("not for fuzz", "pcapng-multi or --snaplen");
	file = capture_file_create(args->output.path, (enum capture_format)args->output.format,
				   &interface);
	if (file == NULL)
		return fail(args->output.path, strerror(errno));
	error = fuzz_write(&params, file);
	return conclude(args, error, capture_file_close(file));
}

int main(int argc, char **argv)
{
	struct arguments args = {
		.output = {.format = CAPTURE_PCAP, .link = PACKET_LINK_ETHERNET},
		.bulk = BULK_DEFAULTS,
	};
	int status;

	if (argc < 2 || strcmp(argv[1], "--help") == 0) {
		fputs(usage, argc < 2 ? stderr : stdout);
		return argc < 2 ? 2 : 0;
	}
	if (strcmp(argv[1], "list") == 0)
		return list_scenarios();
	if (strcmp(argv[1], "scenario") == 0 && argc > 2) {
		args.scenario = argv[2];
		status = parse_options(&args, argv + 3);
		return status != 0 ? status : run_scenario(&args);
	}
	if (strcmp(argv[1], "attack") == 0 && argc > 2) {
		args.scenario = argv[2];
		status = parse_options(&args, argv + 3);
		return status != 0 ? status : run_attack(&args);
	}
	if (strcmp(argv[1], "bulk") == 0) {
		status = parse_options(&args, argv + 2);
		return status != 0 ? status : run_bulk(&args);
	}
	if (strcmp(argv[1], "fuzz") == 0) {
		args.output.format = CAPTURE_PCAP_NS;
		status = parse_options(&args, argv + 2);
		return status != 0 ? status : run_fuzz(&args);
	}
	fputs(usage, stderr);
	return 2;
}
