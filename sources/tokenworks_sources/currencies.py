"""ISO 4217: the currencies in which something can be billed.

Belongs here: their codes and minor units. What is billed in anything else is rejected where it comes in, since
nothing could post it later.
"""

from __future__ import annotations

from typing import Final

# In use, by the number of digits of their minor unit; then those that old bills still carry.
_BY_DIGITS: dict[int, str] = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN "
        "BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP "
        "GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT "
        "LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN "
        "NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE "
        "SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES "
        "WST XCD XCG YER ZAR ZMW ZWG "
        "ANG CUC EEK HRK LTL LVL SKK SLL VEF ZWL"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
MINOR_DIGITS: Final = {
    code: digits for digits, codes in _BY_DIGITS.items() for code in codes.split()
}


def is_no_currency(column: str) -> str:
    """SQL condition: a text that is not null and no code of ISO 4217."""
    codes = ", ".join(f"'{code}'" for code in sorted(MINOR_DIGITS))
    return f"{column} not in ({codes})"
