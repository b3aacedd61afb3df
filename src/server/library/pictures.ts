import { StreamError } from "../../core/errors.ts";
import type { PictureSize } from "../../models/pictures.ts";
import type { Uploads } from "./uploads.ts";

/**
 * Finds an uploaded image, cut and scaled to `size`: [height, width, 3], uint8.
 *
 * @throws {StreamError} `unknown_recording`, `bad_upload`.
 */
export type FindPicture = (upload: string, size: PictureSize) => Promise<Uint8Array>;

/** Finds pictures among `uploads`. */
export const pictureIn =
  (uploads: Uploads): FindPicture =>
  async (id, { width, height }) => {
    const { upload } = uploads.find(id);
    if (upload.description.kind !== "image") {
      throw new StreamError("bad_upload", "a session begins from an image: PNG, JPEG or WebP");
    }
    const [picture] = await upload.pictures({ width, height, frameRate: 1 });
    if (picture !== undefined) return picture;
    throw new StreamError("bad_upload", "this image cannot be decoded");
  };
