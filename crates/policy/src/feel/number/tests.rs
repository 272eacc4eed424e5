use super::*;
use proptest::prelude::*;

fn n(text: &str) -> Number {
    text.parse().expect("a number")
}

#[test]
fn reads_and_prints() {
    for (text, printed) in [
        ("0", "0"),
        ("-0.00", "0"),
        ("1.50", "1.5"),
        (".5", "0.5"),
        ("1200", "1200"),
        ("1.2e3", "1200"),
        ("12e-4", "0.0012"),
        ("1e100", "1e100"),
        (
            "12345678901234567890123456789012345",
            "12345678901234567890123456789012340",
        ),
    ] {
        assert_eq!(n(text).to_string(), printed, "{text}");
    }
    for bad in [
        "",
        "-",
        ".",
        "1.2.3",
        "1e",
        "e5",
        "１",
        "1 2",
        "1e+-5",
        "1e99999999999",
    ] {
        assert!(bad.parse::<Number>().is_err(), "{bad}");
    }
}

#[test]
fn thirty_four_digits_half_even() {
    assert_eq!(
        n("1").div(n("3")),
        Some(n("0.3333333333333333333333333333333333"))
    );
    assert_eq!(
        n("2").div(n("3")),
        Some(n("0.6666666666666666666666666666666667"))
    );
    assert_eq!(
        n("1000").div(n("8")).map(|v| v.to_string()),
        Some("125".into())
    );
    assert_eq!(n("1").div(n("0")), None);
    assert_eq!(n("1e6000").mul(n("1e6000")), None);
    assert_eq!(
        n("9999999999999999999999999999999999")
            .add(n("0.5"))
            .map(|v| v.to_string()),
        Some("10000000000000000000000000000000000".into())
    );
}

#[test]
fn rounding_modes() {
    use Rounding::*;
    for (value, scale, mode, expected) in [
        ("2.5", 0, HalfEven, "2"),
        ("3.5", 0, HalfEven, "4"),
        ("-2.5", 0, HalfUp, "-3"),
        ("-2.5", 0, HalfDown, "-2"),
        ("1.121", 2, Up, "1.13"),
        ("-1.126", 2, Down, "-1.12"),
        ("-1.5", 0, Floor, "-2"),
        ("-1.5", 0, Ceiling, "-1"),
        ("155", -1, HalfUp, "160"),
        ("0.00001", 0, Up, "1"),
        ("1e-50", 0, Ceiling, "1"),
    ] {
        assert_eq!(
            n(value).round(scale, mode),
            n(expected),
            "{value} {scale} {mode:?}"
        );
    }
}

#[test]
fn functions_have_34_digits() {
    assert_eq!(
        n("2").sqrt(),
        Some(n("1.414213562373095048801688724209698"))
    );
    assert_eq!(n("16").sqrt(), Some(n("4")));
    assert_eq!(n("1").exp(), Some(n("2.718281828459045235360287471352662")));
    assert_eq!(n("10").ln(), Some(n("2.302585092994045684017991454684364")));
    assert_eq!(n("2").pow(n("10")), Some(n("1024")));
    assert_eq!(n("2").pow(n("-2")), Some(n("0.25")));
    assert_eq!(
        n("2").pow(n("0.5")),
        Some(n("1.414213562373095048801688724209698"))
    );
    assert_eq!(n("10").pow(n("99999999")), None);
    assert_eq!(n("-12").modulo(n("5")), Some(n("3")));
    assert_eq!(n("10.1").modulo(n("-4.5")), Some(n("-3.4")));
}

#[test]
fn fen_are_exact() {
    assert_eq!(n("12.34").to_fen(), Some(base::Fen(1234)));
    assert_eq!(n("12").to_fen(), Some(base::Fen(1200)));
    assert_eq!(n("0.005").to_fen(), None);
    assert_eq!(Number::from_fen(-5), n("-0.05"));
}

/// Digit-by-digit arithmetic on decimal strings of one scale: slow, and shares nothing with `Number`.
mod oracle {
    pub fn scaled(coefficient: i64, exponent: i32) -> i128 {
        i128::from(coefficient) * 10i128.pow((exponent + 8) as u32)
    }
}

/// Exact arithmetic on big integers, rounded digit by digit: slow, and shares nothing with `Number`.
mod exact {
    use super::*;
    use num_bigint::BigInt;

    fn ten(power: i32) -> BigInt {
        BigInt::from(10).pow(power as u32)
    }

    /// Both as whole numbers of the smaller of the two units.
    fn common(x: Number, y: Number) -> (BigInt, BigInt, i32) {
        let unit = x.exponent().min(y.exponent());
        let scaled = |n: Number| BigInt::from(n.coefficient()) * ten(n.exponent() - unit);
        (scaled(x), scaled(y), unit)
    }

    /// Rounds to 34 digits half to even; `tail` says that more follows.
    fn rounded(value: BigInt, exponent: i32, tail: bool) -> Option<Number> {
        let negative = value < BigInt::ZERO;
        let digits = value.magnitude().to_string();
        if digits.len() <= 34 {
            let kept: i128 = digits.parse().expect("34 digits");
            return Number::new(if negative { -kept } else { kept }, exponent);
        }
        let (kept, rest) = digits.split_at(34);
        let kept: i128 = kept.parse().expect("34 digits");
        let half = format!("5{}", "0".repeat(rest.len() - 1));
        let up = match rest.cmp(half.as_str()) {
            Ordering::Equal => tail || kept % 2 == 1,
            order => order == Ordering::Greater,
        };
        let kept = kept + i128::from(up);
        Number::new(
            if negative { -kept } else { kept },
            exponent + rest.len() as i32,
        )
    }

    pub fn sum(x: Number, y: Number) -> Option<Number> {
        let (a, b, unit) = common(x, y);
        rounded(a + b, unit, false)
    }

    pub fn product(x: Number, y: Number) -> Option<Number> {
        let product = BigInt::from(x.coefficient()) * BigInt::from(y.coefficient());
        rounded(product, x.exponent() + y.exponent(), false)
    }

    pub fn quotient(x: Number, y: Number) -> Option<Number> {
        let (a, b) = (
            BigInt::from(x.coefficient()) * ten(80),
            BigInt::from(y.coefficient()),
        );
        let whole = &a / &b;
        let tail = &whole * &b != a;
        rounded(whole, x.exponent() - y.exponent() - 80, tail)
    }

    pub fn order(x: Number, y: Number) -> Ordering {
        let (a, b, _) = common(x, y);
        a.cmp(&b)
    }
}

/// Coefficients of every size up to 34 digits, with round ones among them.
fn coefficients() -> impl Strategy<Value = i128> {
    (any::<i128>(), 0u32..35, 0u32..35).prop_map(|(c, digits, zeros)| {
        let c = c % 10i128.pow(digits);
        if zeros > 20 && digits + zeros <= 44 {
            c / 10i128.pow(zeros - 20) * 10i128.pow(zeros - 20)
        } else {
            c
        }
    })
}

proptest! {
    #[test]
    fn arithmetic_agrees_with_exact_arithmetic(
        a in coefficients(), ea in -60i32..60, b in coefficients(), eb in -60i32..60,
    ) {
        let (x, y) = (Number::new(a, ea).expect("in range"), Number::new(b, eb).expect("in range"));
        prop_assert_eq!(x.add(y), exact::sum(x, y), "{} + {}", x, y);
        prop_assert_eq!(x.sub(y), exact::sum(x, y.neg()), "{} - {}", x, y);
        prop_assert_eq!(x.mul(y), exact::product(x, y), "{} * {}", x, y);
        if b != 0 {
            prop_assert_eq!(x.div(y), exact::quotient(x, y), "{} / {}", x, y);
        }
        prop_assert_eq!(x.cmp(&y), exact::order(x, y));
    }

    #[test]
    fn sums_products_and_order_agree_with_scaled_integers(
        a in any::<i32>(), ea in -8i32..=4, b in any::<i32>(), eb in -8i32..=4,
    ) {
        let x = Number::new(a.into(), ea).expect("in range");
        let y = Number::new(b.into(), eb).expect("in range");
        let (sa, sb) = (oracle::scaled(a.into(), ea), oracle::scaled(b.into(), eb));
        prop_assert_eq!(x.add(y), Number::new(sa + sb, -8));
        prop_assert_eq!(x.sub(y), Number::new(sa - sb, -8));
        prop_assert_eq!(x.mul(y), Number::new(i128::from(a) * i128::from(b), ea + eb));
        prop_assert_eq!(x.cmp(&y), sa.cmp(&sb));
    }

    #[test]
    fn wide_operands_agree_with_narrow_ones(a in any::<i64>(), b in any::<i64>(), shift in 0u32..15) {
        // The same values written with trailing zeros take the wide paths.
        let x = Number::int(a);
        let wide = Number::new(i128::from(a) * 10i128.pow(shift), -(shift as i32)).expect("in range");
        let y = Number::int(b);
        prop_assert_eq!(x, wide);
        prop_assert_eq!(x.add(y), wide.add(y));
        prop_assert_eq!(x.mul(y), wide.mul(y));
        prop_assert_eq!(x.div(y), wide.div(y));
        prop_assert_eq!(x.cmp(&y), wide.cmp(&y));
    }

    #[test]
    fn wide_operands_round_and_print_as_narrow_ones(
        a in any::<i64>(), shorter in 0u32..18, places in 0i32..=19, scale in -3i32..19, shift in 0u32..12,
    ) {
        use Rounding::*;
        let a = a / 10i64.pow(shorter);
        let x = Number::new(a.into(), -places).expect("in range");
        let wide = Number::new(i128::from(a) * 10i128.pow(shift), -places - shift as i32);
        let wide = wide.expect("in range");
        for mode in [HalfEven, HalfUp, HalfDown, Up, Down, Floor, Ceiling] {
            prop_assert_eq!(x.round(scale, mode), wide.round(scale, mode), "{} {} {:?}", x, scale, mode);
        }
        prop_assert_eq!(x.to_f64(), x.to_string().parse::<f64>().expect("a float"));
    }

    #[test]
    fn a_quotient_times_the_divisor_is_within_half_a_unit(a in any::<i64>(), b in any::<i64>()) {
        prop_assume!(a != 0 && b != 0);
        let q = Number::int(a).div(Number::int(b)).expect("in range");
        // |q*b - a| <= |b| * half a unit in the last place of q
        let difference = q.mul(Number::int(b)).and_then(|p| p.sub(Number::int(a))).expect("in range").abs();
        let bound = Number::int(a).abs().mul(n("2e-33")).expect("in range");
        prop_assert!(difference <= bound, "{} / {} = {}", a, b, q);
    }

    #[test]
    fn printed_numbers_read_back(c in any::<i128>(), e in -6000i32..6000) {
        let c = c % 10i128.pow(34);
        let x = Number::new(c, e).expect("in range");
        prop_assert_eq!(x.to_string().parse::<Number>(), Ok(x));
    }
}
