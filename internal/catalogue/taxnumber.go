package catalogue

import (
	"errors"
	"regexp"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// checkTaxNumber says what is wrong with a company's tax number: the ИНН of a
// Russian company has 10 digits, the БИН of a Kazakh one 12, each with a check
// digit. Other countries' numbers are not known here and are taken as they are.
func checkTaxNumber(country tenancy.CountryCode, number string) error {
	switch country {
	case "RU":
		return checkINN(number)
	case "KZ":
		return checkBIN(number)
	}
	return nil
}

var (
	tenDigits    = regexp.MustCompile(`^[0-9]{10}$`)
	twelveDigits = regexp.MustCompile(`^[0-9]{12}$`)
)

// weighted is the sum of digits times weights.
func weighted(number string, weights ...int) int {
	sum := 0
	for i, weight := range weights {
		sum += int(number[i]-'0') * weight
	}
	return sum
}

func checkINN(number string) error {
	switch {
	case !tenDigits.MatchString(number):
		return errors.New("the ИНН of a company has 10 digits")
	case strings.Trim(number, "0") == "":
		return errors.New("an ИНН of zeros is nobody's")
	case weighted(number, 2, 4, 10, 3, 5, 9, 4, 6, 8)%11%10 != int(number[9]-'0'):
		return errors.New("the ИНН has a wrong check digit; one of its digits is mistyped")
	}
	return nil
}

// checkBIN follows the rule of the ИИН: weights 1 to 11, and when the
// remainder is 10, weights 3 to 11, 1, 2; a second 10 is never issued. The
// fifth digit of a company's number is 4, 5 or 6.
func checkBIN(number string) error {
	switch {
	case !twelveDigits.MatchString(number):
		return errors.New("the БИН of a company has 12 digits")
	case number[4] < '4' || number[4] > '6':
		return errors.New("this is not a company's БИН: its fifth digit is 4, 5 or 6")
	}
	check := weighted(number, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11) % 11
	if check == 10 {
		check = weighted(number, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2) % 11
	}
	if check != int(number[11]-'0') {
		return errors.New("the БИН has a wrong check digit; one of its digits is mistyped")
	}
	return nil
}
