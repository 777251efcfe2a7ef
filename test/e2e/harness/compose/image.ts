import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Copy, type Dockerfile, DockerfileParser } from 'dockerfile-ast'
import { projectFolder } from '../project.ts'

/** What a Dockerfile says of the image and of how it is made. */
export interface Image {
  readonly environment: Readonly<Record<string, string>>
  readonly workingFolder: string
  /** entry point and command in one */
  readonly command: readonly string[]
  readonly healthcheck: readonly string[]
  readonly user: string
  /** COPY from the project's folder, paths as written */
  readonly copiedFromProject: readonly string[]
  /** the stages that are copied from, and those that there are */
  readonly stagesUsed: readonly string[]
  readonly stages: readonly string[]
}

export function readImage(text = readFileSync(join(projectFolder, 'Dockerfile'), 'utf8')): Image {
  const file = DockerfileParser.parse(text)
  const copies = file.getCOPYs()
  const fromProject = copies.filter((copy) => copy.getFromFlag() === null)
  return {
    environment: Object.fromEntries(
      file
        .getENVs()
        .flatMap((env) => env.getProperties())
        .map((property) => [property.getName(), property.getValue() ?? '']),
    ),
    workingFolder: last(file, 'WORKDIR'),
    command: [...JSON.parse(last(file, 'ENTRYPOINT')), ...JSON.parse(last(file, 'CMD'))],
    healthcheck: JSON.parse(last(file, 'HEALTHCHECK').replace(/^[^]*?\bCMD /, '')),
    user: last(file, 'USER'),
    copiedFromProject: fromProject.flatMap((copy) => argumentsOf(copy).slice(0, -1)),
    stagesUsed: copies.flatMap((copy) => copy.getFromFlag()?.getValue() ?? []),
    stages: file.getFROMs().flatMap((from) => from.getBuildStage() ?? []),
  }
}

function last(file: Dockerfile, keyword: string): string {
  const found = file.getInstructions().findLast((one) => one.getKeyword() === keyword)
  return found?.getRawArgumentsContent() ?? ''
}

function argumentsOf(copy: Copy): string[] {
  return copy.getArguments().map((argument) => argument.getValue())
}
