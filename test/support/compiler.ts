import { dirname } from 'node:path';
import ts from 'typescript';

/** TypeScript for several programs: what is declared is read once, and the language's and Node's own types are not checked. */
export class Compiler {
  readonly #shared = new Map<string, ts.SourceFile | undefined>();

  /** Compiles what a tsconfig.json names, and answers what there is to say of it. If there is, nothing is written. */
  compile(configFile: string): string {
    const { config } = ts.readConfigFile(configFile, (path) => ts.sys.readFile(path)) as { config: unknown };
    const { options, fileNames, errors } = ts.parseJsonConfigFileContent(config, ts.sys, dirname(configFile));
    const program = this.#program(fileNames, options);
    const diagnostics = [...errors, ...diagnose(program)];
    // File by file: the whole would have the compiler check all types that it has read.
    if (diagnostics.length === 0) for (const name of fileNames) program.emit(program.getSourceFile(name));
    return format(diagnostics);
  }

  /** Answers what there is to say of those files and matters, and writes nothing. */
  check(
    fileNames: readonly string[],
    options: ts.CompilerOptions,
    matters: (diagnostic: ts.Diagnostic) => boolean = () => true,
  ): string {
    return format(diagnose(this.#program(fileNames, options)).filter(matters));
  }

  #program(fileNames: readonly string[], options: ts.CompilerOptions): ts.Program {
    return ts.createProgram(fileNames, options, this.#host(options));
  }

  #host(options: ts.CompilerOptions): ts.CompilerHost {
    const host = ts.createCompilerHost(options);
    host.jsDocParsingMode = ts.JSDocParsingMode.ParseForTypeErrors;
    const read = host.getSourceFile.bind(host);
    host.getSourceFile = (path, how, ...rest) => {
      if (!path.endsWith('.d.ts')) return read(path, how, ...rest);
      const key = `${path} ${JSON.stringify(how)}`;
      if (!this.#shared.has(key)) this.#shared.set(key, read(path, how, ...rest));
      return this.#shared.get(key);
    };
    return host;
  }
}

function diagnose(program: ts.Program): ts.Diagnostic[] {
  const files = program.getSourceFiles().filter(({ fileName }) => !isTrusted(fileName));
  return [
    ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...files.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]),
  ];
}

function format(diagnostics: readonly ts.Diagnostic[]): string {
  return ts.formatDiagnostics(diagnostics, {
    getCanonicalFileName: String,
    getCurrentDirectory: () => ts.sys.getCurrentDirectory(),
    getNewLine: () => '\n',
  });
}

function isTrusted(path: string): boolean {
  return /[\\/](?:typescript[\\/]lib|@types)[\\/]/.test(path);
}
