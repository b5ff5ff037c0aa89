"""Which lines are web furniture: the stock phrases, and the rules for short lines."""

import re

from gapless.corpus.cleaners.c4 import POLICY_PHRASES

MAX_SHORT_WORDS, MAX_NOTICE_WORDS = 10, 60

NOTICES = (
    *POLICY_PHRASES,
    "javascript must be enabled",
    "enable javascript",
    "javascript enabled",
    "javascript is disabled",
    "javascript is not enabled",
    "javascript is required",
    "requires javascript",
    "accept cookies",
    "accept all cookies",
    "cookie settings",
    "this site is protected by recaptcha",
)
BEGINNINGS = (
    "share this on",
    "share this with",
    "share on facebook",
    "share on twitter",
    "share on linkedin",
    "share via",
    "share to",
    "tweet this",
    "pin it",
    "follow us on",
    "like us on",
    "sign in to",
    "sign in with",
    "sign up for our",
    "sign up to",
    "sign up with",
    "log in to",
    "log in with",
    "login to",
    "login with",
    "subscribe to our",
    "click here to",
    "click to share",
    "click to print",
    "click to email",
    "skip to content",
    "skip to main content",
    "skip to navigation",
    "you are here:",
    "filed under:",
    "posted in:",
    "tagged with:",
    "leave a comment",
    "leave a reply",
    "copyright (c)",
    "copyright \u00a9",
    "\u00a9 copyright",
)
ENDINGS = (
    "read more",
    "read more here",
    "continue reading",
    "show more",
    "see more",
    "view all",
    "view more",
    "load more",
    "learn more",
    "back to top",
    "all rights reserved",
)
HELD = (
    "items in cart",
    "items in your cart",
    "item(s) in your cart",
    "your cart is empty",
    "add to cart",
    "add to wishlist",
    "you must be logged in",
    "your email address will not be published",
    "required fields are marked",
    "forgot your password",
    "share this on facebook",
)
WHOLE = (
    "sign in",
    "sign up",
    "log in",
    "login",
    "log out",
    "logout",
    "register",
    "subscribe",
    "share",
    "share this",
    "share this post",
    "share this article",
    "tweet",
    "facebook",
    "twitter",
    "linkedin",
    "whatsapp",
    "menu",
    "main menu",
    "toggle navigation",
    "advertisement",
    "print this page",
    "email this page",
    "related articles",
    "related posts",
    "previous post",
    "next post",
    "no comments",
    "no comments yet",
    "contact us",
    "about us",
    "site map",
)
BAR_NAMES = frozenset(
    {
        "about",
        "about us",
        "account",
        "advertise",
        "archive",
        "archives",
        "back",
        "blog",
        "careers",
        "cart",
        "checkout",
        "contact",
        "contact us",
        "disclaimer",
        "faq",
        "feedback",
        "forum",
        "forums",
        "help",
        "home",
        "jobs",
        "links",
        "log in",
        "login",
        "logout",
        "menu",
        "news",
        "next",
        "press",
        "previous",
        "privacy",
        "products",
        "register",
        "rss",
        "search",
        "services",
        "shop",
        "sign in",
        "sign up",
        "site map",
        "sitemap",
        "store",
        "subscribe",
        "support",
        "terms",
        "terms of service",
        "top",
    }
)

STOCK_PHRASES = tuple(
    phrase for phrase in (*BEGINNINGS, *ENDINGS, *HELD, *WHOLE) if phrase.isascii()
)
"""Those a kernel looks for; the others begin with a copyright sign."""
_MARKS = " .:!\u2026\u00bb\u203a>[]()-*\u2192"
"""That may stand around a phrase."""
_BAR_MARKS = re.compile("\\s*[|\u00bb\u203a\u2022]\\s*")
_NUMBER = re.compile("[0-9]+(?:[.,][0-9]+)*")
_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
_COUNTER_OR_DATE = re.compile(
    rf"""(?:[0-9][0-9.,]*[km]?\ (?:(?:new|total)\ )?
     (?:likes?|comments?|shares?|views?|repl(?:y|ies)|followers?|votes?|retweets?|reviews?|posts?
     |responses?|ratings?|downloads?|(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?)\ ago)
    |(?:(?:posted|published|updated|last\ updated|modified)(?:\ on)?:?\ )?
     (?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?\ )?
     (?:{_MONTH}\ [0-9]{{1,2}}(?:st|nd|rd|th)?,?\ [0-9]{{4}}
     |[0-9]{{1,2}}(?:st|nd|rd|th)?\ {_MONTH},?\ [0-9]{{4}}
     |[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}
     |[0-9]{{1,2}}[/.][0-9]{{1,2}}[/.](?:[0-9]{{4}}|[0-9]{{2}}))
     (?:,?\ (?:at\ )?[0-9]{{1,2}}:[0-9]{{2}}(?::[0-9]{{2}})?(?:\ ?[ap]m)?)?)""",
    re.VERBOSE,
)


def is_furniture(line: str) -> bool:
    """Whether a line without white space around it is web furniture, notices aside."""
    start = line.lower().lstrip(_MARKS)
    bare = start.rstrip(_MARKS)
    if _is_bar(bare):
        return True
    if len(line.split()) > MAX_SHORT_WORDS:
        return False
    if bare in WHOLE or any(phrase in bare for phrase in HELD):
        return True
    if _NUMBER.fullmatch(line) or _COUNTER_OR_DATE.fullmatch(bare) or bare.endswith(ENDINGS):
        return True
    sizes = [len(phrase) for phrase in BEGINNINGS if start.startswith(phrase)]
    return any(not start[size : size + 1].isalnum() for size in sizes)


def _is_bar(bare: str) -> bool:
    parts = _BAR_MARKS.split(bare)
    return len(parts) >= 3 and sum(part in BAR_NAMES for part in parts) >= 2
