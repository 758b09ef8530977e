/* SipHash-2-4 (Aumasson and Bernstein, 2012): a fast keyed hash of short texts. Pure. */
#ifndef STORE_SIP_H
#define STORE_SIP_H

#include <stddef.h>
#include <stdint.h>

enum { SIP_KEY = 16 };

uint64_t sip_hash(const uint8_t key[SIP_KEY], const void *data, size_t len);

#endif
