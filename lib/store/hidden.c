#include "store/hidden.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/tip.h"

void hidden_release(struct hidden *h)
{
	free(h->list);
	*h = (struct hidden){0};
}

int hidden_add(struct hidden *h, const struct hidden_place *p)
{
	if ((h->count & (h->count - 1)) == 0) { /* as long as a power of 2: full */
		struct hidden_place *more =
		    realloc(h->list, (h->count ? 2 * h->count : 1) * sizeof(*more));

		if (!more)
			return -1;
		h->list = more;
	}
	h->list[h->count++] = *p;
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct hidden_place *x = a, *y = b;

	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return x->from < y->from ? -1 : x->from > y->from;
}

void hidden_sort(struct hidden *h)
{
	if (h->count)
		qsort(h->list, h->count, sizeof(*h->list), by_place);
}

static int read_places(struct hidden *h, struct scan *s)
{
	bool first = true;

	while (!s->bad && !scan_is(s, "]}\n")) {
		struct hidden_place p;

		p.seq = scan_uint(s, first ? "[" : ",[");
		p.index = scan_uint(s, ",");
		p.from = (uint32_t)scan_uint(s, ",");
		p.len = (uint32_t)scan_uint(s, ",");
		p.number = scan_uint(s, ",");
		scan_text(s, "]");
		if (!s->bad && hidden_add(h, &p) < 0)
			return -1;
		first = false;
	}
	return 0;
}

int hidden_read(int dir_fd, struct hidden *h, struct err *err)
{
	uint8_t sig[CRYPT_SIG];
	size_t line = 0, len = 0;
	struct buf b;
	struct scan s;
	int rc = 0;

	*h = (struct hidden){0};
	buf_init(&b, HIDDEN_FILE_MAX + 131072);
	if (tip_slurp(dir_fd, "hidden", HIDDEN_FILE_MAX, &b, err) < 0) {
		buf_release(&b);
		return errno == ENOENT ? 0 : -1;
	}
	if (!signed_split(buf_str(&b), b.len, &line, &len, sig) || len != b.len)
		line = 0;
	s = (struct scan){.at = b.data, .end = b.data + line};
	scan_hex(&s, "{\"format\":\"evse-log-hidden 1\",\"store\":\"", h->store, STORE_ID);
	scan_hex(&s, "\",\"key\":\"", h->key, CRYPT_PUB);
	scan_text(&s, "\",\"places\":[");
	if (read_places(h, &s) < 0)
		rc = err_set(err, "out of memory");
	else if (s.bad || s.at != s.end)
		rc = err_set(err, "hidden is damaged, cut, or of another format");
	h->signed_well = rc == 0 && crypt_verify(h->key, b.data, line, sig);
	hidden_sort(h);
	buf_release(&b);
	errno = EBADMSG;
	return rc;
}

int hidden_write(int dir_fd, struct hidden *h, const struct crypt_signer *signer, struct err *err)
{
	struct buf b;
	int rc;

	hidden_sort(h);
	memcpy(h->key, crypt_signer_pub(signer), CRYPT_PUB);
	buf_init(&b, HIDDEN_FILE_MAX);
	signed_hex(&b, "{\"format\":\"evse-log-hidden 1\",\"store\":\"", h->store, STORE_ID);
	signed_hex(&b, "\",\"key\":\"", h->key, CRYPT_PUB);
	buf_adds(&b, "\",\"places\":[");
	for (size_t i = 0; i < h->count; i++) {
		const struct hidden_place *p = &h->list[i];

		signed_uint(&b, i ? ",[" : "[", p->seq);
		signed_uint(&b, ",", p->index);
		signed_uint(&b, ",", p->from);
		signed_uint(&b, ",", p->len);
		buf_adds(&b, p->number ? ",1]" : ",0]");
	}
	buf_adds(&b, "]}");
	rc = signed_end(&b, 0, signer) < 0
		 ? err_set(err, "unable to sign the list of hidden places")
		 : tip_replace(dir_fd, "hidden", b.data, b.len, err);
	buf_release(&b);
	return rc;
}

const struct hidden_place *hidden_find(const struct hidden *h, uint64_t seq, uint64_t index)
{
	struct hidden_place key = {.seq = seq, .index = index};
	size_t low = 0, high = h->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (by_place(&h->list[mid], &key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < h->count && h->list[low].seq == seq && h->list[low].index == index
		   ? &h->list[low]
		   : NULL;
}

void hidden_apply(const struct hidden *h, const struct hidden_place *first, const char *line,
		  size_t len, struct buf *out)
{
	size_t at = 0;

	for (const struct hidden_place *p = first; p < h->list + h->count; p++) {
		if (p->seq != first->seq || p->index != first->index || p->from > len ||
		    p->len > len - p->from)
			break;
		if (p->from >= at) { /* else it laps over the one before */
			buf_add(out, line + at, p->from - at);
			buf_adds(out, p->number ? "null" : "#");
		}
		if (p->from + p->len > at)
			at = p->from + p->len;
	}
	buf_add(out, line + at, len - at);
}
