# zsh complete.zsh SCRIPT LINE...: what each line becomes by Tab, in a shell that
# believes it has a terminal.
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "stty -echo; PS1=; autoload -Uz compinit; compinit -D -u; source $1"
shift
zpty -w z 'probe() { zle complete-word; print -r -- "<""<$BUFFER>>"; BUFFER=; }; zle -N probe; bindkey "^P" probe; print re''ady'
until [[ $out == *ready* ]]; do zpty -r z out || exit 1; done
for line in "$@"; do
  out=
  zpty -w -n z "$line"$'\x10'
  until [[ $out == *'<<'*'>>'* ]]; do zpty -r z out || exit 1; done
  out=${out##*'<<'}
  print -r -- "${out%%'>>'*}"
done
zpty -d z
