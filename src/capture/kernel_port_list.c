/* SPDX-License-Identifier: BSD-3-Clause */

/* The kernel's interfaces, for --list-ports. */

#include <net/if.h>
#include <netdb.h>
#include <pcap/pcap.h>
#include <string.h>

#include "port_priv.h"

#define COLUMNS 100u
#define ADDRESS_COLUMN 32u /* name and state stand in front of it */

static const char *state_of(const pcap_if_t *interface)
{
	if ((interface->flags & PCAP_IF_UP) == 0)
		return "down";
	return (interface->flags & PCAP_IF_RUNNING) != 0 ? "up" : "no carrier";
}

/* Prints a word in the last column, on a new line if it does not fit; returns where that ends. */
static unsigned int print_word(FILE *out, unsigned int column, const char *word)
{
	const unsigned int len = (unsigned int)strlen(word);

	if (column > ADDRESS_COLUMN && column + 1 + len > COLUMNS) {
		(void)fputc('\n', out);
		column = 0;
	}
	if (column < ADDRESS_COLUMN)
		(void)fprintf(out, "%*s%s", (int)(ADDRESS_COLUMN - column), "", word);
	else
		(void)fprintf(out, " %s", word);
	return (column < ADDRESS_COLUMN ? ADDRESS_COLUMN : column + 1) + len;
}

static unsigned int print_address(FILE *out, unsigned int column, const struct sockaddr *address)
{
	const socklen_t len = address->sa_family == AF_INET ? sizeof(struct sockaddr_in)
							    : sizeof(struct sockaddr_in6);
	char text[NI_MAXHOST];

	if (address->sa_family != AF_INET && address->sa_family != AF_INET6)
		return column; /* Ethernet's */
	if (getnameinfo(address, len, text, sizeof(text), NULL, 0, NI_NUMERICHOST) != 0)
		return column;
	return print_word(out, column, text);
}

static void print_interface(FILE *out, const pcap_if_t *interface)
{
	char description[80];
	unsigned int column = (unsigned int)fprintf(out, "  %-*s %s", IF_NAMESIZE, interface->name,
						    state_of(interface));

	for (const pcap_addr_t *a = interface->addresses; a != NULL; a = a->next) {
		if (a->addr != NULL)
			column = print_address(out, column, a->addr);
	}
	if (interface->description != NULL) {
		(void)snprintf(description, sizeof(description), "(%.60s)", interface->description);
		(void)print_word(out, column, description);
	}
	(void)fputc('\n', out);
}

int kernel_port_print_list(FILE *out)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_if_t *all = NULL;

	(void)fputs("Interfaces of the kernel, through libpcap:\n", out);
	if (pcap_findalldevs(&all, why) != 0) {
		(void)fprintf(out, "  cannot be listed: %s\n", why);
		return -1;
	}
	(void)fprintf(out, "  %-*s all of them\n", (int)ADDRESS_COLUMN - 3, "any");
	for (const pcap_if_t *i = all; i != NULL; i = i->next) {
		/* libpcap also offers what is no interface: USB, D-Bus, netfilter's log ... */
		if (if_nametoindex(i->name) != 0)
			print_interface(out, i);
	}
	pcap_freealldevs(all);
	return 0;
}
