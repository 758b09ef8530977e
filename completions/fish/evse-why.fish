# made by completions/gen.awk
complete -c evse-why -s a -l at -r -f -d 'explain the moment TIME (UTC, RFC 3339), not the newest'
complete -c evse-why -s d -l dir -r -a '(__fish_complete_directories)' -d 'ask the bus whose sockets are in RUN'
complete -c evse-why -s l -l log -r -a '(__fish_complete_directories)' -d 'look in the log in DIR'
complete -c evse-why -s b -l back -r -f -d 'look in the log so many seconds back (3600)'
complete -c evse-why -s e -l evse -r -f -d 'explain this EVSE only'
complete -c evse-why -s j -l json -d 'print a line of JSON for each EVSE'
complete -c evse-why -s h -l help -d 'print this text'
complete -c evse-why -s V -l version -d 'print the version'
