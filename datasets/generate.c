/* SPDX-License-Identifier: BSD-3-Clause */
/* tcpmill-generate: makes the captures that tests and benches of tcpmill read. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bulk.h"
#include "fuzz.h"
#include "output.h"
#include "script.h"

static const char usage[] =
	"usage: tcpmill-generate list\n"
	"       tcpmill-generate scenario NAME -o FILE [wrapping]\n"
	"       tcpmill-generate bulk --packets N [options] -o FILE [wrapping]\n"
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
	"  --packets-per-flow P  instead of --flows\n"
	"  --live L              flows at once                       [10,000]\n"
	"  --order random|round-robin                                [random]\n"
	"  --size 96snap|full|small    snaplen 96; mixed, 450 bytes on average; no more\n"
	"                        than an ACK                         [96snap]\n"
	"  --ipv6 PCT            of flows                            [0]\n"
	"  --loss PCT            of data segments, before the capture [0]\n"
	"  --reorder PCT         of data segments                    [0]\n"
	"  --duplicates PCT      of packets, captured twice          [0]\n"
	"  --non-tcp PCT         of frames: UDP                      [0]\n"
	"  --tick NS             mean time between frames            [1000]\n"
	"  --seed S                                                  [1]\n"
	"The counts of a bulk trace are printed to stderr as key=value.\n"
	"\n"
	"fuzz options (random adversarial flows, pcap-ns unless --format says otherwise):\n"
	"  --packets N           frames to write, exactly\n"
	"  --profile mixed|wild|bulk   mixed; mostly random segments; long flows [mixed]\n"
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

/* Decimal only. Returns false when text is not a number of [0, max]. */
static bool parse_number(const char *text, uint64_t max, uint64_t *number)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0' && *number <= max;
}

/* Options whose value is a number, and where it goes. */
static bool set_number(struct arguments *args, const char *option, const char *text)
{
	struct bulk_params *bulk = &args->bulk;
	uint64_t snaplen = args->output.snaplen;
	bool ok = true;
	const struct {
		const char *name;
		uint64_t max;
		uint64_t *number;
	} options[] = {
		{"--packets", UINT64_C(1) << 48, &bulk->nb_packets},
		{"--flows", UINT32_MAX, &bulk->nb_flows},
		{"--packets-per-flow", UINT32_MAX, &bulk->packets_per_flow},
		{"--live", 1 << 28, &bulk->nb_live},
		{"--ipv6", 100, &bulk->ipv6_percent},
		{"--loss", 100, &bulk->loss_percent},
		{"--reorder", 100, &bulk->reorder_percent},
		{"--duplicates", 100, &bulk->duplicate_percent},
		{"--non-tcp", 100, &bulk->not_tcp_percent},
		{"--tick", 1000000000, &bulk->tick_ns},
		{"--seed", UINT64_MAX, &bulk->seed},
		{"--snaplen", 65535, &snaplen},
	};
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strcmp(options[i].name, option) == 0)
			break;
	}
	if (i == sizeof(options) / sizeof(options[0]))
		return false;
	ok = parse_number(text, options[i].max, options[i].number);
	args->output.snaplen = (uint32_t)snaplen;
	return ok;
}

/* Returns 0, or the exit status after a message. */
static int set_option(struct arguments *args, const char *option, const char *text)
{
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
	} else if (strcmp(option, "--profile") == 0) {
		args->profile = fuzz_profile_from_name(text);
		ok = args->profile < NB_FUZZ_PROFILES;
	} else if (strcmp(option, "--size") == 0) {
		ok = bulk_size_from_name(text, &args->bulk.size);
	} else if (strcmp(option, "--order") == 0) {
		args->bulk.round_robin = strcmp(text, "round-robin") == 0;
		ok = args->bulk.round_robin || strcmp(text, "random") == 0;
	} else {
		ok = set_number(args, option, text);
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
		.bulk = {.nb_live = 10000, .tick_ns = 1000, .seed = 1},
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
