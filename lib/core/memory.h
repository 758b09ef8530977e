/* Memory that only the start, or a rare piece of work, needed. */
#ifndef CORE_MEMORY_H
#define CORE_MEMORY_H

/**
 * memory_give_back() - drop what can be had again: free heap, and the pages of programs and
 * libraries that were mapped from their files and are never written.
 *
 * Those that are still needed come back from the page cache one fault at a time. Costs some
 * milliseconds then: for tools that sleep most of the time, never for the safety path. Locked
 * memory stays.
 */
void memory_give_back(void);

#endif
