/* The command pcap of evse-exi. */
#ifndef EVSE_EXI_PCAP_H
#define EVSE_EXI_PCAP_H

/**
 * Prints what a capture holds.
 *
 * @path  the capture; "-" is stdin
 * @keys  a TLS key log, or NULL
 * @return  the exit code; what can't be read at all ends the program
 */
int pcap_print(const char *path, const char *keys);

#endif
