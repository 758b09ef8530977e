# made by completions/gen.awk
complete -c evse-status -s d -l dir -r -a '(__fish_complete_directories)' -d 'directory of the bus'\''s sockets (default $EVSE_RUN, else /run/evse)'
complete -c evse-status -s j -l json -d 'one JSON object instead of text'
complete -c evse-status -s h -l help -d 'print this text'
complete -c evse-status -s V -l version -d 'print the version'
