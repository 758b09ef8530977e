# made by completions/gen.awk
complete -c evse-exi -s s -l schema -r -f -d 'list, explain: this schema only'
complete -c evse-exi -s f -l fragment -d 'explain: the stream is a fragment (what is signed)'
complete -c evse-exi -s k -l keys -r -F -d 'pcap: TLS key log (SSLKEYLOGFILE)'
complete -c evse-exi -s h -l help -d 'print this text'
complete -c evse-exi -s V -l version -d 'print the version'
