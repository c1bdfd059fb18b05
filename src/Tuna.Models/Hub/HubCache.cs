using Tuna.IO;

namespace Tuna.Models.Hub;

/// <summary>The cache that Hugging Face's tools share: <c>models--owner--name/{refs,blobs,snapshots}</c>.</summary>
internal sealed class HubCache(string root, HubRepository repository)
{
    private readonly string _folder = Path.Combine(root, repository.Folder);

    public string Blob(string etag) => Path.Combine(_folder, "blobs", etag);

    /// <summary>The lock of a blob, where Hugging Face's tools have theirs.</summary>
    public string Lock(string etag) => Path.Combine(root, ".locks", repository.Folder, etag);

    public string Snapshot(string commit) => Path.Combine(_folder, "snapshots", commit);

    public string File(string commit, string file) => Path.Combine(Snapshot(commit), Path.Combine(file.Split('/')));

    /// <summary>A folder that shows some files of a snapshot alone.</summary>
    public string View(string commit, string name) => Path.Combine(_folder, "views", commit, name);

    /// <summary>The commit that a revision was when it was last asked for, or null.</summary>
    public string? Commit(string revision)
    {
        if (Directory.Exists(Snapshot(revision)))
            return revision;
        string file = Path.Combine(_folder, "refs", revision);
        string? commit = System.IO.File.Exists(file) ? System.IO.File.ReadAllText(file).Trim() : null;
        return commit is not null && Directory.Exists(Snapshot(commit)) ? commit : null;
    }

    public void SetCommit(string revision, string commit)
    {
        string file = Path.Combine(_folder, "refs", revision);
        if (revision != commit && !(System.IO.File.Exists(file) && System.IO.File.ReadAllText(file).Trim() == commit))
            AtomicFile.WriteAllText(file, commit);
    }

    /// <summary>Shows a blob under its name in a snapshot: a relative link, or a copy where links are not allowed.</summary>
    public static void Link(string blob, string file)
    {
        if (System.IO.File.Exists(file))
            return;
        string folder = Path.GetDirectoryName(file)!;
        Directory.CreateDirectory(folder);
        try
        {
            System.IO.File.CreateSymbolicLink(file, Path.GetRelativePath(folder, blob));
        }
        catch (IOException) when (System.IO.File.Exists(file))
        {
            // Another process was faster.
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException or PlatformNotSupportedException)
        {
            string partial = file + AtomicFile.PartialSuffix;
            System.IO.File.Copy(blob, partial, overwrite: true);
            System.IO.File.Move(partial, file, overwrite: true);
        }
    }
}
