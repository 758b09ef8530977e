# made by completions/gen.awk
complete -c evse-top -s d -l dir -r -a '(__fish_complete_directories)' -d 'directory of the bus'\''s sockets (default $EVSE_RUN, else /run/evse)'
complete -c evse-top -l seconds -r -f -d 'end after N seconds'
complete -c evse-top -s h -l help -d 'print this text'
complete -c evse-top -s V -l version -d 'print the version'
