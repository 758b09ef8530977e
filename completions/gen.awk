# gen.awk: one program's option table into a completion for one shell.
# Lines: letter, long name, argument or -, hint or -, help; "@" command help stands before a command's own options.
function quote(s) { gsub(/'/, "'\\''", s); return s }
function words(h) { gsub(/\|/, " ", h); return h }
$1 == "@" { commands[++nc] = $2; chelp[$2] = $3; next }
!seen[$2]++ { n++; letter[n] = $1; name[n] = $2; arg[n] = $3; hint[n] = $4; help[n] = $5 }
END {
	fn = tool; gsub(/-/, "_", fn)
	if (shell == "bash") bash(); else if (shell == "zsh") zsh(); else fish()
}
function bash(  i, all, c) {
	print "# bash completion for " tool "; made by completions/gen.awk"
	print "_" fn "()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}"
	print "\t# --option=value comes as three words"
	print "\tif [ \"$cur\" = = ]; then cur=; elif [ \"$prev\" = = ]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi"
	print "\tcase $prev in"
	for (i = 1; i <= n; i++) {
		all = all " --" name[i]
		if (arg[i] == "-") continue
		c = "--" name[i] (letter[i] != "-" ? "|-" letter[i] : "")
		if (hint[i] == "@dir") print "\t" c ") mapfile -t COMPREPLY < <(compgen -d -- \"$cur\"); return ;;"
		else if (hint[i] ~ /^@/) print "\t" c ") mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;"
		else if (hint[i] != "-") print "\t" c ") mapfile -t COMPREPLY < <(compgen -W '" words(hint[i]) "' -- \"$cur\"); return ;;"
		else print "\t" c ") return ;;"
	}
	print "\tesac"
	if (nc) {
		all2 = ""
		for (i = 1; i <= nc; i++) all2 = all2 " " commands[i]
		print "\tif [ \"$COMP_CWORD\" = 1 ] && [ \"${cur#-}\" = \"$cur\" ]; then\n\t\tmapfile -t COMPREPLY < <(compgen -W '" substr(all2, 2) "' -- \"$cur\")\n\t\treturn\n\tfi"
	}
	print "\tcase $cur in\n\t-*) mapfile -t COMPREPLY < <(compgen -W '" substr(all, 2) "' -- \"$cur\") ;;"
	print "\t*) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n\tesac\n}"
	print "complete -o filenames -F _" fn " " tool
}
function zsh(  i, spec, act) {
	print "#compdef " tool "\n# made by completions/gen.awk\n"
	if (nc) {
		print "if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n\tlocal -a commands=("
		for (i = 1; i <= nc; i++) print "\t\t'" commands[i] ":" quote(chelp[commands[i]]) "'"
		print "\t)\n\t_describe command commands\n\treturn\nfi"
	}
	print "_arguments -s \\"
	for (i = 1; i <= n; i++) {
		h = quote(help[i]); gsub(/[\[\]:]/, "\\\\&", h)
		act = ""
		if (arg[i] != "-") {
			act = ":" arg[i] ":"
			if (hint[i] == "@dir") act = act "_files -/"
			else if (hint[i] ~ /^@/) act = act "_files"
			else if (hint[i] != "-") act = act "(" words(hint[i]) ")"
			else act = act " "
		}
		if (letter[i] != "-") print "\t'(-" letter[i] " --" name[i] ")'{-" letter[i] ",--" name[i] (act != "" ? "=" : "") "}'[" h "]" act "' \\"
		else print "\t'--" name[i] (act != "" ? "=" : "") "[" h "]" act "' \\"
	}
	print "\t'*:file:_files'"
}
function fish(  i, line) {
	print "# made by completions/gen.awk"
	for (i = 1; i <= nc; i++)
		print "complete -c " tool " -n '__fish_use_subcommand' -a " commands[i] " -d '" quote(chelp[commands[i]]) "'"
	for (i = 1; i <= n; i++) {
		line = "complete -c " tool (letter[i] != "-" ? " -s " letter[i] : "") " -l " name[i]
		if (arg[i] != "-") {
			line = line " -r"
			if (hint[i] == "@dir") line = line " -a '(__fish_complete_directories)'"
			else if (hint[i] ~ /^@/) line = line " -F"
			else if (hint[i] != "-") line = line " -f -a '" words(hint[i]) "'"
			else line = line " -f"
		}
		print line " -d '" quote(help[i]) "'"
	}
}
