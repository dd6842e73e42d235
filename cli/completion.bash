# Completion of sluice for bash:
#   source <(sluice completion bash)

_sluice() {
    local cur=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD-1]} command= words= list= files= before= i

    # The words of the command, which come before all flags.
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$command${command:+ }${COMP_WORDS[i]}" in
{{- range .}}{{if .Path}}
        {{quote .Path}}) command={{quote .Path}} ;;
{{- end}}{{end}}
        *) break ;;
        esac
    done

    # bash parts --flag=value into three words.
    if [[ $cur == = ]]; then
        cur=
    elif [[ $flag == = ]]; then
        flag=${COMP_WORDS[COMP_CWORD-2]}
    fi

    case "$command $flag" in
{{- range $c := .}}{{range .Flags}}{{if .Choices}}
    {{quote (print $c.Path " --" .Name)}}) words={{quote (join .Choices)}}{{if .List}} list=yes{{end}} ;;
{{- else if .File}}
    {{quote (print $c.Path " --" .Name)}}) files=yes ;;
{{- else if .Value}}
    {{quote (print $c.Path " --" .Name)}}) COMPREPLY=(); return ;;
{{- end}}{{end}}{{end}}
    *)
        case "$command" in
{{- range .}}
        {{quote .Path}})
            if [[ $cur == -* ]]; then
                words='{{range .Flags}}--{{.Name}} {{end}}--help{{if not .Path}} --version{{end}}'
            else
{{- if .FileArgument}}
                files=yes
{{- end}}
                words={{if .FileArgument}}{{else if .Commands}}'{{range .Commands}}{{.Name}} {{end}}'{{else if .Argument}}{{quote (join .Argument)}}{{else}}'{{range .Flags}}--{{.Name}} {{end}}--help'{{end}}
            fi
            ;;
{{- end}}
        esac
        ;;
    esac

    if [[ $files ]]; then
        compopt -o filenames 2> /dev/null
        local IFS=$'\n'
        # shellcheck disable=SC2207 # names are parted by lines
        COMPREPLY=($(compgen -f -- "$cur"))
        return
    fi

    # Of names that are joined by commas, the last is completed.
    if [[ $list && $cur == *,* ]]; then
        before=${cur%,*},
        cur=${cur##*,}
    fi
    # shellcheck disable=SC2207 # no word holds blanks, and bash 3.2 has no mapfile
    COMPREPLY=($(compgen -P "$before" -W "$words" -- "$cur"))
}

complete -F _sluice sluice
