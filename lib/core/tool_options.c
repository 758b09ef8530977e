/* The options of every tool. */
#include "core/tool_frame.h"

#include <string.h>

const struct cli_opt *tool_common_options(struct tool_frame *f)
{
	static struct cli_opt table[21];
	const struct cli_opt rows[] = {
	    {'S', "src", "NAME", NULL, "name of this instance: the src of its records", CLI_STR,
	     &f->src, 0, 0, false, true},
	    {'p', "pass", NULL, NULL, "copy each good input record, not seen before, to the output",
	     CLI_FLAG, &f->pass, 0, 0, false, false},
	    {'i', "input", "FILE", "@file",
	     "read records from FILE too (a FIFO, say); may be repeated", CLI_LIST, &f->inputs, 0,
	     0, false, false},
	    {'c', "config", "FILE", "@file",
	     "read options from this tool's sections of FILE (JSON)", CLI_STR, &f->config, 0, 0,
	     false, true},
	    {0, "print-config", NULL, NULL,
	     "print each option's value and where it came from, and exit", CLI_FLAG,
	     &f->print_config, 0, 0, false, true},
	    {0, "check-config", NULL, NULL, "exit with 0 when all options are right, else 64 or 78",
	     CLI_FLAG, &f->check_config, 0, 0, false, true},
	    {0, "vars", "DIR", "@dir", "keep what the command set changes in DIR", CLI_STR,
	     &f->vars_dir, 0, 0, false, true},
	    {0, "journal", "FILE", "@file", "write all input and timers to FILE, for --replay",
	     CLI_STR, &f->journal_path, 0, 0, false, true},
	    {0, "replay", "FILE", "@file",
	     "take input and time from a journal instead; touch no device", CLI_STR,
	     &f->replay_path, 0, 0, false, true},
	    {0, "count", "N", NULL, "end after N records were written", CLI_INT, &f->count, 1, 1e15,
	     false, true},
	    {0, "idle-timeout", "MS", NULL, "end when no input came for MS milliseconds", CLI_INT,
	     &f->idle_ms, 1, 1e9, false, true},
	    {0, "notify-fd", "FD", NULL, "write a newline to FD when ready, and close it", CLI_INT,
	     &f->notify_fd, 3, 1023, false, true},
	    {0, "log-format", "FORMAT", "text|json", "messages on standard error as text or json",
	     CLI_WORD, &f->log_format, 0, 0, false, false},
	    {'q', "quiet", NULL, NULL, "only errors on standard error", CLI_FLAG, &f->quiet, 0, 0,
	     false, true},
	    {'v', "verbose", NULL, NULL, "more messages; twice for debugging", CLI_COUNT,
	     &f->verbose, 0, 0, false, true},
	    {'h', "help", NULL, NULL, "print this text", CLI_FLAG, &f->help, 0, 0, false, true},
	    {'V', "version", NULL, NULL, "print the version", CLI_FLAG, &f->version, 0, 0, false,
	     true},
	    {0, "option-table", NULL, NULL, "print the option table", CLI_FLAG, &f->table, 0, 0,
	     true, true},
	    {0},
	};

	memcpy(table, rows, sizeof rows);
	return table;
}
