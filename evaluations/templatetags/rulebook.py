"""Words of the rulebook for templates."""

from django import template

from evaluations.rulebooks import load

register = template.Library()


@register.filter
def exemption_words(code: str) -> str:
    """Why somebody is exempt from activity at residence, in the words of the guidance."""
    return load().exemptions.get(code, "")
