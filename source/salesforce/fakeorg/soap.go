package fakeorg

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// loginRequest is the part of a SOAP envelope that login() needs, whatever the
// prefixes.
type loginRequest struct {
	Username *string `xml:"Body>login>username"`
	Password *string `xml:"Body>login>password"`
}

const (
	badLogin    = "Invalid username, password, security token; or user locked out."
	newLocation = badLogin + " Are you at a new location? When accessing Salesforce--either via a desktop client or the API--from outside of your company’s trusted networks, you must add a security token to your password to log in. To get your new security token, log in to Salesforce. From your personal settings, enter Reset My Security Token in the Quick Find box, then select Reset My Security Token."
	noSOAP      = "SOAP API login() is disabled by default in this org. Contact the org administrator to enable SOAP API login()."
)

// serveSOAP answers /services/Soap/u/NN.0 (partner) and /c/NN.0 (enterprise),
// which know login() alone.
func (o *Org) serveSOAP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, "/services/Soap/"), "/"), "/")
	if len(parts) < 2 || parts[0] != "u" && parts[0] != "c" {
		o.notFoundPage(w)
		return
	}
	fault := faultWriter{w: w, dialect: map[string]string{"u": "partner", "c": "enterprise"}[parts[0]], prefix: o.knob().PrefixedFaults}
	version, err := strconv.ParseFloat(parts[1], 64)
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "POST")
		http.Error(w, "", http.StatusMethodNotAllowed)
	case err != nil || version < OldestVersion || version > float64(o.newest()):
		fault.write("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL", "UnexpectedErrorFault")
	case version > lastSOAPLogin:
		fault.write("UNSUPPORTED_API_VERSION", "SOAP API login() is not available in API version "+parts[1], "UnexpectedErrorFault")
	default:
		o.login(w, r, fault, parts[0], parts[1])
	}
}

func (o *Org) login(w http.ResponseWriter, r *http.Request, fault faultWriter, endpoint, version string) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	var in loginRequest
	if err != nil || xml.Unmarshal(body, &in) != nil || in.Username == nil || in.Password == nil {
		fault.write("UNKNOWN_EXCEPTION", "No operation available for request {urn:partner.soap.sforce.com}", "UnexpectedErrorFault")
		return
	}
	knobs := o.knob()
	switch code, message := o.judge(*in.Username, *in.Password, knobs); {
	case knobs.NoSOAPLogin:
		fault.write("INVALID_OPERATION", noSOAP, "LoginFault")
	case code != "":
		fault.write(code, message, "LoginFault")
	default:
		o.mu.Lock()
		s := o.open()
		s.limited = knobs.PasswordExpired
		o.mu.Unlock()
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		_, _ = io.WriteString(w, o.loginAnswer(r, s, endpoint, version, knobs))
	}
}

// judge says why a user may not sign in, "" when they may.
func (o *Org) judge(username, password string, k Knobs) (code, message string) {
	known := strings.EqualFold(username, Username)
	switch {
	case known && password == Password+SecurityToken, known && k.TrustedNetwork && password == Password:
		return "", ""
	case known && k.NewLocation && password == Password:
		return "LOGIN_MUST_USE_SECURITY_TOKEN", newLocation
	default:
		return "INVALID_LOGIN", badLogin
	}
}

// faultWriter writes SOAP faults in the namespace of one endpoint.
type faultWriter struct {
	w       http.ResponseWriter
	dialect string
	prefix  bool
}

func (f faultWriter) write(code, message, typ string) {
	shown := code
	if f.prefix || typ == "UnexpectedErrorFault" {
		shown = "sf:" + code
	}
	f.w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	f.w.WriteHeader(http.StatusInternalServerError)
	_, _ = fmt.Fprintf(f.w, `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sf="urn:fault.%s.soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><soapenv:Fault><faultcode>%s</faultcode><faultstring>%s: %s</faultstring><detail><sf:%s xsi:type="sf:%s"><sf:exceptionCode>%s</sf:exceptionCode><sf:exceptionMessage>%s</sf:exceptionMessage></sf:%s></detail></soapenv:Fault></soapenv:Body></soapenv:Envelope>`,
		f.dialect, shown, code, escapeXML(message), typ, typ, code, escapeXML(message), typ)
}

func escapeXML(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

// loginAnswer is the loginResponse, in one line as Salesforce sends it.
func (o *Org) loginAnswer(r *http.Request, s *session, endpoint, version string, k Knobs) string {
	base := o.instanceFor(r)
	namespace := map[string]string{"u": "partner", "c": "enterprise"}[endpoint]
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:%s.soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><loginResponse><result>`, namespace)
	fmt.Fprintf(&b, `<metadataServerUrl>%s/services/Soap/m/%s/%s</metadataServerUrl><passwordExpired>%t</passwordExpired><sandbox>%t</sandbox>`, base, version, o.config.OrgID, k.PasswordExpired, k.Sandbox)
	fmt.Fprintf(&b, `<serverUrl>%s/services/Soap/%s/%s/%s</serverUrl><sessionId>%s</sessionId><userId>%s</userId>`, base, endpoint, version, o.config.OrgID, s.token, o.UserID())
	fmt.Fprintf(&b, `<userInfo><accessibilityMode>false</accessibilityMode><chatterExternal>false</chatterExternal><currencySymbol>$</currencySymbol><orgAttachmentFileSizeLimit>26214400</orgAttachmentFileSizeLimit><orgDefaultCurrencyIsoCode>USD</orgDefaultCurrencyIsoCode><orgDefaultCurrencyLocale>en_US</orgDefaultCurrencyLocale><orgDisallowHtmlAttachments>false</orgDisallowHtmlAttachments><orgHasPersonAccounts>false</orgHasPersonAccounts><organizationId>%s</organizationId><organizationMultiCurrency>false</organizationMultiCurrency><organizationName>Example Org</organizationName><profileId>%s</profileId><roleId xsi:nil="true"/><sessionSecondsValid>%d</sessionSecondsValid><userDefaultCurrencyIsoCode xsi:nil="true"/><userEmail>%s</userEmail><userFullName>Integration User</userFullName><userId>%s</userId><userLanguage>en_US</userLanguage><userLocale>en_US</userLocale><userName>%s</userName><userTimeZone>America/Los_Angeles</userTimeZone><userType>Standard</userType><userUiSkin>Theme3</userUiSkin></userInfo>`,
		o.ID(), formatID("00e", 1), int(o.config.TokenTTL.Seconds()), Username, o.UserID(), Username)
	b.WriteString(`</result></loginResponse></soapenv:Body></soapenv:Envelope>`)
	return b.String()
}

// instanceFor is the base URL of the data host.
func (o *Org) instanceFor(r *http.Request) string {
	if base := o.InstanceURL(); base != "" {
		return base
	}
	return "http://" + r.Host
}
