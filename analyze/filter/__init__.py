"""The filter language: sysdig's words over our columns, compiled to SQL with bound values."""

from analyze.filter.compile import Compiled, Context, compile_filter
from analyze.filter.fields import Field, fields
from analyze.filter.values import Span

__all__ = ["Compiled", "Context", "Field", "Span", "compile_filter", "fields"]
