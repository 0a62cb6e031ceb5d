import ts from 'typescript';

/**
 * For the compiler: says of each call that a module makes when it is loaded that it has no effect, as package.json does of every file. So
 * bundlers leave out what is not used of a file, too.
 */
export function markPure(context) {
  const mark = (node) => {
    if (ts.isFunctionLike(node)) return node;
    const marked = ts.visitEachChild(node, mark, context);
    if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) return marked;
    return ts.addSyntheticLeadingComment(marked, ts.SyntaxKind.MultiLineCommentTrivia, ' @__PURE__ ');
  };
  const isDeclared = (statement) => ts.isVariableStatement(statement) || ts.isClassDeclaration(statement);
  return (file) => {
    const markDeclared = (statement) => (isDeclared(statement) ? mark(statement) : statement);
    return ts.visitEachChild(file, markDeclared, context);
  };
}
