/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_FUZZ_POISON_H
#define TESTS_FUZZ_POISON_H

/* Memory that must not be read: ASan is told, without it nothing is done. */

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISON_HAS_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define POISON_HAS_ASAN 1
#endif

#ifdef POISON_HAS_ASAN
#include <sanitizer/asan_interface.h>
#endif

static inline void poison(const void *at, size_t size)
{
#ifdef POISON_HAS_ASAN
	__asan_poison_memory_region(at, size);
#else
	(void)at, (void)size;
#endif
}

static inline void unpoison(const void *at, size_t size)
{
#ifdef POISON_HAS_ASAN
	__asan_unpoison_memory_region(at, size);
#else
	(void)at, (void)size;
#endif
}

#endif
