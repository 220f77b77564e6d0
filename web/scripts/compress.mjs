// Writes a .br and a .gz beside every built text file, so that the server never compresses at run time.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const root = fileURLToPath(new URL("../../src/millwright/server/ui", import.meta.url));
const compressible = /\.(js|css|svg|json|txt)$/;
const brotliOptions = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };

const names = await readdir(root, { recursive: true });
await Promise.all(
  names
    .filter((name) => compressible.test(name))
    .map(async (name) => {
      const bytes = await readFile(join(root, name));
      await writeFile(
        `${join(root, name)}.br`,
        await promisify(brotliCompress)(bytes, brotliOptions),
      );
      await writeFile(`${join(root, name)}.gz`, await promisify(gzip)(bytes, { level: 9 }));
    }),
);
