#compdef sluice
# Completion of sluice for zsh, as a file _sluice in a folder of $fpath, or after
# compinit: source <(sluice completion zsh)

_sluice() {
  local -a commands
  case "${words[2]} ${words[3]}" in
{{- range .}}{{if and .Path (not .Commands)}}
  {{quote .Path}}{{if eq .Path .Name}}\ *{{end}})
    (( CURRENT > {{if eq .Path .Name}}2{{else}}3{{end}} )) && {
      {{if eq .Path .Name}}shift 1 words; (( CURRENT -= 1 )){{else}}shift 2 words; (( CURRENT -= 2 )){{end}}
      _arguments \
{{- range .Flags}}
        '{{if .Value}}--{{.Name}}=[{{inner .Meaning}}]:{{.Value}}:{{if .List}}_sequence compadd - {{join .Choices}}{{else if .Choices}}({{join .Choices}}){{else if .File}}_files{{end}}{{else}}--{{.Name}}[{{inner .Meaning}}]{{end}}' \
{{- end}}
{{- if .FileArgument}}
        '1:FILE:_files' \
{{- end}}
{{- if .Argument}}
        '1:NAME:({{join .Argument}})' \
{{- end}}
        '--help[show the help]'
      return
    }
    ;;
{{- end}}{{end}}
  esac
  if (( CURRENT == 2 )); then
    commands=(
{{- range .}}{{if not .Path}}{{range .Commands}}
      '{{.Name}}:{{inner .Usage}}'
{{- end}}{{end}}{{end}}
    )
    _describe command commands
    return
  fi
  (( CURRENT == 3 )) || return
  case ${words[2]} in
{{- range .}}{{if and .Path .Commands}}
  {{.Path}})
    commands=(
{{- range .Commands}}
      '{{.Name}}:{{inner .Usage}}'
{{- end}}
    )
    _describe command commands
    ;;
{{- end}}{{end}}
  esac
}

if [[ $funcstack[1] == _sluice ]]; then
  _sluice "$@"
else
  compdef _sluice sluice
fi
