"""Names for containers that were given none: an adjective and a scientist."""

from __future__ import annotations

import os

_ADJECTIVES = (
    "able agile airy alert amber ample apt awake balmy bold brave breezy bright brisk calm candid careful cheerful chief"
    " civil clear clever cosy crisp curious dapper daring deft eager early earnest easy elated epic even exact fair famous"
    " fervent fine firm fluent fond frank free fresh gallant gentle glad golden grand happy hardy hearty honest hopeful"
    " humble ideal jolly jovial just keen kind lively loyal lucid lucky mellow merry mighty modest neat nimble noble open"
    " patient placid plucky polite prime proud pure quick quiet rapid ready robust serene sharp shiny simple smart snappy"
    " sober solid spry stable steady still stoic sturdy sunny sure swift tender tidy trusty upbeat valiant vivid warm wise"
    " witty zealous zen"
).split()
_SURNAMES = (
    "abel agnesi ampere apgar arago avogadro babbage banach banneker bassi beaufort becquerel bell bernoulli bohr boole"
    " bose boyle brahe brown burnell cannon cantor carson carver cauchy cerf chandrasekhar chatelet cori coulomb curie"
    " dalton darwin davy dirac doppler edison einstein euclid euler faraday fermat fermi feynman fourier franklin galileo"
    " galois galvani gauss germain gilbert goodall hamilton heaviside heisenberg helmholtz hertz hilbert hodgkin hooke"
    " hopper hubble humboldt huygens hypatia jacobi joule kapitza kelvin kepler khayyam knuth kovalevskaya lagrange lamarr"
    " laplace leavitt leibniz liskov lovelace mach maxwell mayer mcclintock meitner mendel mendeleev mirzakhani moser napier"
    " newton nobel noether ohm pascal pasteur pauli payne planck poincare ptolemy raman ramanujan riemann ritchie roentgen"
    " rubin rutherford sagan shannon snell somerville tesla thales thompson torricelli turing volta wallace watt weyl wien"
    " wing wright wu yalow young zuse"
).split()


def random_name() -> str:
    """Make a name such as `calm_noether`."""
    number = int.from_bytes(os.urandom(4), "little")
    surname, adjective = number % len(_SURNAMES), number // len(_SURNAMES) % len(_ADJECTIVES)
    return f"{_ADJECTIVES[adjective]}_{_SURNAMES[surname]}"


def random_id() -> str:
    """Make a container id: 64 hexadecimal digits."""
    return os.urandom(32).hex()
