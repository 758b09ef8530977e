/* What a technician should do next about what is wrong: a line for each code of a fault or an
 * alert.
 */
#ifndef VIEW_ADVICE_H
#define VIEW_ADVICE_H

/** The next step for the code of a pilot's fault; one for all that are not in the table. */
const char *advice_fault(const char *code);

/** The next step for the code of an alert, else where its tool's messages stand. */
const char *advice_alert(const char *code);

#endif
