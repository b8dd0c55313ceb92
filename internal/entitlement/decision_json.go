package entitlement

import (
	"encoding/json"
	"strconv"
	"time"
)

// AppendJSON appends the decision as json.Marshal writes it, at a quarter of
// the cost and without reflection.
func (d *Decision) AppendJSON(b []byte) []byte {
	return append(d.AppendMembers(append(b, '{')), '}')
}

// AppendMembers appends what stands between the braces of the decision's
// JSON, for an answer that says more.
func (d *Decision) AppendMembers(b []byte) []byte {
	b = strconv.AppendBool(append(b, `"allowed":`...), d.Allowed)
	b = AppendText(append(b, `,"reason":`...), string(d.Reason))
	b = appendCounts(append(b, ','), d.Limit, d.Used, d.Remaining)
	if d.Consume != "" {
		b = AppendText(append(b, `,"consume":`...), string(d.Consume))
	}
	b = append(b, `,"lines":[`...)
	for i := range d.Lines {
		if i > 0 {
			b = append(b, ',')
		}
		b = d.Lines[i].appendJSON(b)
	}
	b = append(b, ']')
	if !d.Window.IsZero() {
		b = d.Window.appendJSON(append(b, `,"window":`...))
	}
	if d.Contract != "" {
		b = AppendText(append(b, `,"contract":`...), string(d.Contract))
	}
	if !d.ValidUntil.IsZero() {
		b = appendTime(append(b, `,"valid_until":`...), d.ValidUntil)
	}
	return AppendText(append(b, `,"revision":`...), d.Revision)
}

func (l *Line) appendJSON(b []byte) []byte {
	b = AppendText(append(b, `{"grant":`...), string(l.Grant))
	b = appendCounts(append(b, ','), l.Limit, l.Used, l.Remaining)
	b = l.Window.appendJSON(append(b, `,"window":`...))
	b = AppendText(append(b, `,"per":`...), string(l.Per))
	if l.Pool != "" {
		b = AppendText(append(b, `,"pool":`...), l.Pool)
	}
	if l.CarryOver != (CarryOver{}) {
		b = strconv.AppendInt(append(b, `,"carry_over":{"carried":`...), int64(l.CarryOver.Carried), 10)
		b = strconv.AppendInt(append(b, `,"at_most":`...), int64(l.CarryOver.AtMost), 10)
		b = append(l.CarryOver.Window.appendJSON(append(b, `,"window":`...)), '}')
	}
	return append(b, '}')
}

func (w *Window) appendJSON(b []byte) []byte {
	b = appendTime(append(b, `{"from":`...), w.From)
	return append(appendTime(append(b, `,"until":`...), w.Until), '}')
}

func appendCounts(b []byte, limit, used, remaining int) []byte {
	b = strconv.AppendInt(append(b, `"limit":`...), int64(limit), 10)
	b = strconv.AppendInt(append(b, `,"used":`...), int64(used), 10)
	return strconv.AppendInt(append(b, `,"remaining":`...), int64(remaining), 10)
}

// appendTime writes an instant as time.Time marshals it. A decision's instants
// lie near the years of queries, so that they always can be.
func appendTime(b []byte, t time.Time) []byte {
	b = append(b, '"')
	made, err := t.AppendText(b)
	if err != nil {
		made = b
	}
	return append(made, '"')
}

// AppendText appends a string as json.Marshal writes it; one that needs escapes
// is encoding/json's work.
func AppendText(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(text) // a string always marshals
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), text...), '"')
}
