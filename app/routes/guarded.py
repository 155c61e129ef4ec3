"""Routes that say who may use them: ``@needs("read")`` under the route's own decorator.

Decides that a route without a declared role does not exist: the application refuses to start with one. The check is made before a
byte of the body is read. Does not know keys.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Literal, TypeVar

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute

from app.caller import current_caller
from app.errors import problem_responses
from app.gate import Gate
from app.keys import Role
from model.errors import Forbidden, InvalidRequest, RateLimited, Unauthenticated

Need = Role | Literal["nothing"]
F = TypeVar("F", bound=Callable[..., Any])

_ROLE = "__needed_role__"
_GUARDED: dict[str, Any] = {"security": [{"bearer": []}, {"header": []}, {}]}


def needs(role: Need) -> Callable[[F], F]:
    """Declares what a route needs.

    Args:
        role: The role, or ``nothing`` for a route that is open to all and does not count against rate limits.

    Returns:
        A decorator for the function under the route's own decorator.
    """

    def declare(function: F) -> F:
        setattr(function, _ROLE, role)
        return function

    return declare


class GuardedRoute(APIRoute):
    """A route that asks the gate first; every router's ``route_class``.

    Args:
        path: As for FastAPI.
        endpoint: A function under :func:`needs`.
        **more: As for FastAPI.

    Raises:
        TypeError: If the function does not say what it needs.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        role: Need | None = getattr(endpoint, _ROLE, None)
        if role is None:
            raise TypeError(f"the route {path!r} ({endpoint.__name__}) does not say which role it needs")
        self.needed: Need = role
        if role != "nothing":
            refusals = problem_responses(
                InvalidRequest, Unauthenticated, Forbidden, RateLimited, statuses=[408] if _has_body(more) else []
            )
            more["responses"] = {**refusals, **(more.get("responses") or {})}
            more["openapi_extra"] = {**_GUARDED, "x-role": role, **(more.get("openapi_extra") or {})}
        super().__init__(path, endpoint, **more)
        self._parameters = _parameters(self.dependant)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Returns FastAPI's handler behind the gate."""
        handle = super().get_route_handler()
        role = self.needed
        if role == "nothing":
            return handle

        async def admit(request: Request) -> Response:
            gate: Gate = request.app.state.gate
            await gate.admit(request.scope, role)
            if request.scope["query_string"]:
                self._check_parameters(request)
            if role != "read":
                current_caller().may_take(request.app.state.services.settings.write_timeout_s)
            return await handle(request)

        return admit

    def _check_parameters(self, request: Request) -> None:
        """Refuses what would be passed over, such as a filter that ought to be in the body."""
        if unknown := sorted(set(request.query_params) - self._parameters):
            known = f"; there are {', '.join(sorted(self._parameters))}" if self._parameters else ""
            raise InvalidRequest(f"{unknown[0][:100]!r} is no parameter of this address{known}")


def check_guarded(routes: Sequence[BaseRoute]) -> None:
    """Refuses routes that the gate does not see.

    Args:
        routes: The application's.

    Raises:
        TypeError: If a route of ours is no :class:`GuardedRoute`.
    """
    found = [context.path for context in iter_route_contexts(routes) if isinstance(context.original_route, APIRoute)
             and not isinstance(context.original_route, GuardedRoute)]  # fmt: skip
    if found:
        raise TypeError(f"routes without a gate: {found}; give their router route_class=GuardedRoute")


def _has_body(more: dict[str, Any]) -> bool:
    return bool({"POST", "PUT", "PATCH"} & set(more.get("methods") or ()))


def _parameters(dependant: Dependant) -> set[str]:
    own = {field.alias for field in dependant.query_params}
    return own.union(*map(_parameters, dependant.dependencies))
