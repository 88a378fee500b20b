# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Completion of espgwctl in bash: the words are the running gateway's.

_espgwctl() {
	local words=() options=() i word cur=$2 whole
	COMPREPLY=()
	# bash splits at '=', ':' and '@', which our words have inside: put them together again
	for ((i = 1; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $i -gt 1 && ($word == [=:@]* || ${COMP_WORDS[i - 1]} == *[=:@]) ]]; then
			words[${#words[@]}-1]+=$word
		else
			words+=("$word")
		fi
	done
	whole=${words[${#words[@]}-1]}
	i=0
	while ((i < ${#words[@]} - 1)); do
		case ${words[i]} in
		--ctl | -c)
			options=(--ctl "${words[i + 1]}")
			unset 'words[i]' 'words[i+1]'
			((i += 2))
			;;
		-*)
			unset 'words[i]'
			((i++))
			;;
		*) ((i++)) ;;
		esac
	done
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	-c | --ctl | -f | --file)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames
		return
		;;
	--color)
		mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur")
		return
		;;
	esac
	if [[ $whole == @* || $whole == *=@* ]]; then
		# of the word that bash replaces an '@' is a part, '=' is none
		mapfile -t COMPREPLY < <(compgen -P "${cur%"${cur##*@}"}" -f -- "${cur##*@}")
		compopt -o filenames
		return
	fi
	mapfile -t COMPREPLY < <("${COMP_WORDS[0]}" "${options[@]}" -- __complete "${words[@]}" 2>/dev/null)
	# what bash replaces begins behind the last '=' or ':'
	[[ $whole == "$cur" ]] || COMPREPLY=("${COMPREPLY[@]#"${whole%"$cur"}"}")
	[[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace
}

# where the gateway knows no word, a file may be meant: config load FILE
complete -o default -F _espgwctl espgwctl
