/* Finds a good predictor for a column, by trying: the packer's half of predict.h. Pure. */
#ifndef STORE_FIT_H
#define STORE_FIT_H

#include "store/predict.h"

/* A column that may serve as reference. */
struct fit_ref {
	const int64_t *x;
	const uint32_t *map; /* NULL: of the same shape */
	uint16_t shape, slot;
	bool varies;
};

struct fit_column {
	const int64_t *x;
	size_t rows;
	bool time;          /* instants: tries the grid of whole seconds and so on */
	uint8_t places;     /* of the column's decimals */
	uint16_t own_shape; /* index of its shape */
	const struct fit_ref *refs;
	size_t ref_count; /* those of the same shape come last, in order of slots */
};

/** Chooses @best; always succeeds (the plainest predictor fits everything). */
void fit_predictor(const struct fit_column *c, struct predictor *best);

/** Binds @p's references. @return false when one is not among @refs. */
bool fit_source(const struct predictor *p, uint16_t own_shape, const struct fit_ref *refs,
		size_t count, struct predict_source *src);

#endif
