"""The cursor kinds and operator numbers of clang that lowering tells apart (clang-c/Index.h, libclang 18)."""

from __future__ import annotations

from clang.cindex import CursorKind as K

DECL_REF = K.DECL_REF_EXPR.value
MEMBER = K.MEMBER_REF_EXPR.value
CALL = K.CALL_EXPR.value
PAREN = K.PAREN_EXPR.value
UNARY = K.UNARY_OPERATOR.value
SUBSCRIPT = K.ARRAY_SUBSCRIPT_EXPR.value
BINARY = K.BINARY_OPERATOR.value
COMPOUND_ASSIGN = K.COMPOUND_ASSIGNMENT_OPERATOR.value
CONDITIONAL = K.CONDITIONAL_OPERATOR.value
CAST = K.CSTYLE_CAST_EXPR.value
LITERAL = K.COMPOUND_LITERAL_EXPR.value
INIT_LIST = K.INIT_LIST_EXPR.value
STATEMENT_EXPR = K.StmtExpr.value
GENERIC = K.GENERIC_SELECTION_EXPR.value
SIZEOF = K.CXX_UNARY_EXPR.value
UNEXPOSED = K.UNEXPOSED_EXPR.value
STRING = K.STRING_LITERAL.value
NUMBERS = (K.INTEGER_LITERAL.value, K.CHARACTER_LITERAL.value)
FLOATING = K.FLOATING_LITERAL.value
TYPE_REF = K.TYPE_REF.value
MEMBER_REF = K.MEMBER_REF.value
FUNCTION_DECL = K.FUNCTION_DECL.value
VAR_DECL = K.VAR_DECL.value
PARM_DECL = K.PARM_DECL.value
ENUM_CONSTANT = K.ENUM_CONSTANT_DECL.value

LVALUES = frozenset((DECL_REF, MEMBER, SUBSCRIPT, LITERAL, STRING))

BINARY_OPS = {
    3: "*", 4: "/", 5: "%", 6: "+", 7: "-", 8: "<<", 9: ">>", 11: "<", 12: ">", 13: "<=", 14: ">=",
    15: "==", 16: "!=", 17: "&", 18: "^", 19: "|",
}  # fmt: skip
COMPOUND_OPS = {
    23: "*", 24: "/", 25: "%", 26: "+", 27: "-", 28: "<<", 29: ">>", 30: "&", 31: "^", 32: "|",
}  # fmt: skip
LOGICAL_AND, LOGICAL_OR, ASSIGN, COMMA = 20, 21, 22, 33
POST_INC, POST_DEC, PRE_INC, PRE_DEC, ADDRESS, DEREF, PLUS, MINUS, NOT, LOGICAL_NOT = range(1, 11)
EXTENSION = 13

VOID_TYPE = 2
"""TypeKind.VOID: the type that designated initialisers have in their syntactic form."""

NO_CURSOR = range(70, 74)
"""Invalid cursors: what the library returns for "there is none"."""


def kind_name(cursor: object) -> str:
    """What to call a cursor's kind in a note; kinds newer than the binding have only a number."""
    try:
        return str(cursor.kind.name).lower().replace("_", " ")  # type: ignore[attr-defined]
    except ValueError:
        return f"kind {cursor._kind_id}"  # type: ignore[attr-defined]
