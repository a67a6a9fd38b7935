# SPDX-License-Identifier: ISC
# t_tab: bash in a terminal (tmux), with what is installed: one Tab a keyword, on the mount and
# for spanctl, also where names have blanks and colons.
. "$(dirname "$0")/lib.sh"
need_programs
setup
have tmux || skip_all "no tmux"
make_store
mount_store
etc=$(cd "$(dirname "$0")/../../etc/completions" && pwd)
PATH=$(dirname "$SPANCTL"):$PATH
export PATH
tm() {
	lim 20 tmux -S "$T/tmux" -f /dev/null "$@"
}
# The shell is of nobody's settings, and its screen wide.
HISTFILE= INPUTRC=/dev/null tm new-session -d -x 200 -y 50 "bash --norc --noprofile -i"
tm send-keys "PS1='> '; . $etc/spanfs-tab; . $etc/spanctl; cd $M; clear" Enter

# types NAME KEYS WANTED: KEYS at an empty line give the line WANTED. A bar is typed after them,
# since blanks at the end of a line are not seen.
types() {
	tm send-keys C-e C-u
	sleep 0.1
	tm send-keys -l "$2|"
	i=0
	while line=$(tm capture-pane -p | grep '^> ' | tail -n 1); [ "$line" != "> $3|" ]; do
		i=$((i + 1))
		if [ $i -gt 100 ]; then
			not_ok "$1" "got:    $line" "wanted: > $3|"
			return
		fi
		sleep 0.1
	done
	ok "$1"
}
tab='	'
i=0
until tm capture-pane -p | grep -q '^> $'; do
	i=$((i + 1))
	[ $i -lt 200 ] || break
	sleep 0.1
done
types "a keyword is one Tab" "cat stat$tab" 'cat status/'
types "its value another" "cat stat${tab}e$tab" 'cat status/error/'
types "a query of three, and its file" "cat serv${tab}che${tab}stat${tab}e${tab}spans.c$tab" \
    'cat service/checkout/status/error/spans.csv '
types "an operator, which is a link too" "ls dur${tab}gt${tab}" 'ls duration/gt/'
types "spanctl: a command" "spanctl que$tab" 'spanctl query '
types "spanctl: an option" "spanctl query --v$tab" 'spanctl query --verify '
types "spanctl: a path" "spanctl -s $T/store query /serv${tab}che${tab}stat${tab}e${tab}cou$tab" \
    "spanctl -s $T/store query /service/checkout/status/error/count "
types "spanctl: a name with blanks" "spanctl -s $T/store query /name/GET${tab}0$tab" \
    "spanctl -s $T/store query /name/GET\\ 0/"
types "spanctl: past a colon" "spanctl -s $T/store query /sort/duration:desc/lim$tab" \
    "spanctl -s $T/store query /sort/duration:desc/limit/"
tm send-keys C-u "cd /; exit" Enter
becomes "the shell leaves" 'tm has-session >/dev/null 2>&1 && echo there || echo gone' gone
unmount
finish
