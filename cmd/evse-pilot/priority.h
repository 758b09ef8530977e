/* evse-pilot: how the kernel is asked to let it react in time. */
#ifndef EVSE_PILOT_PRIORITY_H
#define EVSE_PILOT_PRIORITY_H

/**
 * priority_take() - ask for real-time priority, or for the best that ordinary scheduling has.
 * @fifo: 1..99: SCHED_FIFO at that priority and locked memory; 0: ordinary scheduling.
 *
 * What is not permitted is told at level info and done without: from SCHED_FIFO it falls back to
 * nice -20, from there to a short time slice, which needs no right and lets a task that mostly
 * sleeps run soon after it wakes (Linux 6.12 and later; earlier ones take no notice of it). Only
 * pages that were touched are locked, so that the footprint stays. Children start without any of
 * it.
 *
 * Source: sched(7), sched_setattr(2), mlockall(2).
 */
void priority_take(int fifo);

#endif
