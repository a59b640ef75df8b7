/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Receive side scaling, so that both directions of a flow come to one queue: a Toeplitz hash
 * whose key repeats every 16 bits does not change when addresses and ports change places.
 *
 * Source: "Scalable TCP Session Monitoring with Symmetric Receive-side Scaling" (Woo and
 *         Park, KAIST 2012); Microsoft's RSS verification suite for the hash itself.
 */

#include <string.h>

#include "ethdev_priv.h"

#define KEY_LEN 40 /* of the usual key; IPv6 with ports takes 36 + 4 bytes of it */

/*
 * Bit j of the input, counted from the first of a 16-bit word, lets the key's 32 bits from
 * bit j on into the hash: for a repeated pattern these are it, rotated left by j, twice. So
 * words cancel out like their bits do, and the hash is that of all words' exclusive or.
 */
void port_rss_init(struct port_rss *rss, uint16_t pattern)
{
	memset(rss, 0, sizeof(*rss));
	for (unsigned int byte = 0; byte < 2; byte++) {
		for (unsigned int value = 0; value < 256; value++) {
			for (unsigned int bit = 0; bit < 8; bit++) {
				const unsigned int j = 15 - 8 * byte - bit;
				const uint32_t twice = (uint32_t)pattern << 16 | pattern;

				if (value >> bit & 1)
					rss->hash[byte][value] ^= (uint16_t)(twice << j >> 16);
			}
		}
	}
}

void ethdev_rss_key(uint16_t pattern, uint8_t *key, size_t len)
{
	for (size_t i = 0; i < len; i++)
		key[i] = (uint8_t)(i % 2 == 0 ? pattern >> 8 : pattern);
}

static void set_why(struct ethdev *ethdev, const char *why)
{
	ethdev->port.info.is_affine = false;
	snprintf(ethdev->port.info.why, sizeof(ethdev->port.info.why), "%s", why);
}

/*
 * Why there is but one queue, or NULL. Virtual devices claim RSS and do not do it (net_null,
 * net_tap), so only those on a real bus are believed.
 */
static const char *find_obstacle(const struct ethdev *ethdev,
				 const struct rte_eth_dev_info *dev_info)
{
	const uint64_t tcp = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP;

	if (ethdev->kind == ETHDEV_AF_PACKET)
		return "fanout rolls over under load";
	if (ethdev->kind != ETHDEV_OTHER)
		return "no RSS: a virtual device";
	if (dev_info->max_rx_queues < 2)
		return "one queue";
	if (dev_info->flow_type_rss_offloads == 0)
		return "no RSS";
	if ((dev_info->flow_type_rss_offloads & tcp) != tcp)
		return "no RSS for TCP";
	if (dev_info->hash_key_size != 0 &&
	    (dev_info->hash_key_size < KEY_LEN || dev_info->hash_key_size > ETHDEV_MAX_KEY_LEN ||
	     dev_info->hash_key_size % 2 != 0))
		return "no RSS: the length of its key";
	return NULL;
}

/*
 * Not UDP: the only TCP in there is that of tunnels, whose outer ports differ by direction.
 * By addresses alone both directions meet.
 */
static void plan_hash(struct ethdev *ethdev, const struct port_params *params,
		      const struct rte_eth_dev_info *dev_info, struct rte_eth_conf *conf,
		      uint8_t *key)
{
	const uint8_t len = dev_info->hash_key_size != 0 ? dev_info->hash_key_size : KEY_LEN;

	ethdev_rss_key(params->rss_pattern, key, len);
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf = (struct rte_eth_rss_conf){
		.rss_key = key,
		.rss_key_len = len,
		.rss_hf = (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP) & dev_info->flow_type_rss_offloads,
	};
	ethdev->port.info.is_affine = true;
	ethdev->port.info.why[0] = '\0';
}

void ethdev_rss_plan(struct ethdev *ethdev, const struct port_params *params,
		     const struct rte_eth_dev_info *dev_info, struct rte_eth_conf *conf,
		     uint8_t key[ETHDEV_MAX_KEY_LEN])
{
	struct port_info *info = &ethdev->port.info;
	const char *obstacle = find_obstacle(ethdev, dev_info);
	uint32_t nb = dev_info->max_rx_queues;

	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
	info->nb_queues = 1;
	/* Files of the user's choice, or a socket for each of a NIC's queues: all must be read. */
	if ((ethdev->kind == ETHDEV_PCAP_FILE || ethdev->kind == ETHDEV_AF_XDP) && nb > 1) {
		info->nb_queues = (uint16_t)RTE_MIN(nb, (uint32_t)PORT_MAX_QUEUES);
		set_why(ethdev, ethdev->kind == ETHDEV_AF_XDP ? "the interface's own RSS"
							      : "one file a queue");
		return;
	}
	if (obstacle != NULL) {
		set_why(ethdev, obstacle);
		return;
	}
	nb = RTE_MIN(nb, RTE_MIN(params->nb_workers, (uint32_t)PORT_MAX_QUEUES));
	if (nb < 2) {
		set_why(ethdev, "one queue");
		return;
	}
	info->nb_queues = (uint16_t)nb;
	plan_hash(ethdev, params, dev_info, conf, key);
}

void ethdev_rss_give_up(struct ethdev *ethdev, struct rte_eth_conf *conf)
{
	ethdev->port.info.nb_queues = 1;
	set_why(ethdev, "the driver refused RSS by our key");
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
	memset(&conf->rx_adv_conf, 0, sizeof(conf->rx_adv_conf));
}

/* Entry i of the table is queue i % queues, in groups as ethdev wants them. */
static void fill_table(struct rte_eth_rss_reta_entry64 *groups, uint16_t size, uint16_t nb_queues)
{
	for (uint16_t i = 0; i < size; i++) {
		groups[i / RTE_ETH_RETA_GROUP_SIZE].mask = UINT64_MAX;
		groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] =
			i % nb_queues;
	}
}

/* True if the table is as wanted. Sizes are powers of two, as the hash is masked by them. */
static bool set_table(struct ethdev *ethdev, uint16_t size)
{
	struct rte_eth_rss_reta_entry64 want[RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE];
	struct rte_eth_rss_reta_entry64 got[RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE];

	if (size < RTE_ETH_RETA_GROUP_SIZE || size > RTE_ETH_RSS_RETA_SIZE_512 ||
	    (size & (size - 1)) != 0)
		return false;
	memset(want, 0, sizeof(want));
	fill_table(want, size, ethdev->port.info.nb_queues);
	memcpy(got, want, sizeof(got));
	if (rte_eth_dev_rss_reta_update(ethdev->id, want, size) != 0)
		return false;
	for (uint16_t i = 0; i < size / RTE_ETH_RETA_GROUP_SIZE; i++)
		memset(got[i].reta, 0xff, sizeof(got[i].reta));
	return rte_eth_dev_rss_reta_query(ethdev->id, got, size) == 0 &&
	       memcmp(got, want, sizeof(got)) == 0;
}

/* True if the device says that it hashes TCP by our key. */
static bool has_key(const struct ethdev *ethdev, const uint8_t *key)
{
	const uint64_t tcp = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP;
	uint8_t got[ETHDEV_MAX_KEY_LEN];
	struct rte_eth_rss_conf conf = {.rss_key = got, .rss_key_len = sizeof(got)};

	memset(got, 0, sizeof(got));
	return rte_eth_dev_rss_hash_conf_get(ethdev->id, &conf) == 0 &&
	       memcmp(got, key, KEY_LEN) == 0 && (conf.rss_hf & tcp) == tcp;
}

void ethdev_rss_check(struct ethdev *ethdev, const uint8_t *key)
{
	struct rte_eth_dev_info dev_info;

	if (!ethdev->port.info.is_affine)
		return;
	if (rte_eth_dev_info_get(ethdev->id, &dev_info) != 0)
		set_why(ethdev, "the device does not answer");
	else if (!has_key(ethdev, key))
		set_why(ethdev, "the driver refused the key of the hash");
	else if (!set_table(ethdev, dev_info.reta_size))
		set_why(ethdev, "the driver refused the table of queues");
	else
		ethdev->port.info.reta_size = dev_info.reta_size;
}
