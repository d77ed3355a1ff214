"""What the plugin declares: what it can be told, what it reads, why it gives points, and the codes it tells apart."""

from dataclasses import dataclass
from datetime import datetime
from enum import auto

from cadenza_sdk import Codes, Rules, parameter


@dataclass(frozen=True)
class Parameters:
    """What a workflow may set."""

    hot: int = parameter(
        default=75,
        minimum=-1000,
        maximum=1000,
        summary="Points from which a lead is hot and goes straight to closers.",
    )
    warm: int = parameter(
        default=40,
        minimum=-1000,
        maximum=1000,
        summary="Points from which a lead is warm and goes to sales development.",
    )
    steady: int = parameter(
        default=5,
        minimum=0,
        maximum=1000,
        summary="A hot lead stays hot until it has lost so many points below `hot`, so that it does not go to and fro.",
    )
    industries: list[str] = parameter(default=[], summary="Industries we serve best; none are preferred when empty.")
    countries: list[str] = parameter(
        default=[],
        summary="Countries we sell to, as ISO 3166 codes; every country when empty.",
    )
    budget: float = parameter(
        default=10_000.0,
        minimum=0,
        maximum=1_000_000_000,
        summary="The budget from which it counts, in the workspace's currency.",
    )
    large: int = parameter(
        default=500,
        minimum=1,
        maximum=10_000_000,
        summary="Companies with at least so many people count as large.",
    )
    free_mail: list[str] = parameter(
        default=[],
        summary="More mail domains that say nothing about a company, beside the usual ones.",
    )
    buying_words: list[str] = parameter(
        default=["price", "quote", "demo", "offer"],
        summary="Words in a message that show the lead means to buy.",
    )


@dataclass
class Fields:
    """What it reads of a lead. A blank field neither gives nor takes points, unless said otherwise."""

    email: str | None = None
    """Tells free mail from a company's."""
    title: str | None = None
    """Read for seniority when `seniority` is blank."""
    seniority: str | None = None
    """Code of the standard field."""
    employees: int | None = None
    """People in the company."""
    industry: str | None = None
    """Compared with `industries`."""
    country: str | None = None
    """Compared with `countries`; blank counts as served."""
    source: str | None = None
    """Where the lead came from."""
    budget: float | None = None
    """In the workspace's currency."""
    project_date: datetime | None = None
    """When the project starts; one far away loses nothing (practice D6)."""
    product: str | None = None
    """What the lead is interested in."""
    pain: str | None = None
    """The pain the lead names."""
    message: str | None = None
    """What the lead wrote."""


class Rule(Rules):
    """Why a lead gets or loses points."""

    SENIORITY = 1, "Has a say in such purchases: {value}"
    COMPANY_SIZE = 2, "The company has {value} people"
    INDUSTRY = 3, "Works in an industry we serve best: {value}"
    COUNTRY = 4, "Is in a country we do not sell to: {value}"
    SOURCE = 5, "Came to us by {value}"
    BUDGET = 6, "Has a budget of {value}"
    # The best projects are four months out or longer (practice D6).
    PROJECT_DATE = 7, "The project starts in {value} days"
    NEED = 8, "Says what it needs: {value}"
    MESSAGE = 9, "Wrote to us: {value}"
    FREE_MAIL = 10, "Writes from {value}, which tells nothing about a company"
    ENGAGEMENT = 11, "Engaged with us {value} times in 30 days"
    TALK = 12, "Said when it was reached: {value}"
    STEADY = 13, "Was hot with {value} points and stays so for now"


class Known(Codes):
    """What it tells apart in the results of touches."""

    QUALIFIED = auto()
    UNQUALIFIED = auto()
    CALLBACK = auto()
    # Not at this time; it is not lost (practice B10).
    NOT_NOW = auto()
