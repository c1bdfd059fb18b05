using System.Security.Cryptography;
using Tuna.Models.Hub;
using Tuna.Testing;

namespace Tuna.Models.Tests.Hub;

public sealed class HubClientTests : IDisposable
{
    private const string Model = "models/acme/tiny";
    private static readonly byte[] Weights = [.. Enumerable.Range(0, 300_000).Select(i => (byte)(i * 7))];

    private readonly TempFolder _folder = new();
    private readonly LoopbackHub _hub = new LoopbackHub()
        .With(Model, "config.json", "{}").With(Model, "model.safetensors", Weights).With(Model, "tokenizer.json", "{\"a\": 1}")
        .With(Model, "pytorch_model.bin", "pickle").With(Model, "modeling_acme.py", "import os")
            .With(Model, "original/consolidated.safetensors", "x").With(Model, "README.md", "x");

    public void Dispose()
    {
        _hub.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task ModelAsync_FirstTime_AsksAsHuggingFacesToolsDoAndLaysTheirCacheOut()
    {
        string folder = await BringAsync();

        Assert.Equal(Path.Combine(Cache, "models--acme--tiny", "snapshots", LoopbackHub.Commit), folder);
        Assert.Equal(["config.json", "model.safetensors", "tokenizer.json"],
            Directory.EnumerateFiles(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
        Assert.Equal(LoopbackHub.Commit, File.ReadAllText(Path.Combine(Cache, "models--acme--tiny", "refs", "main")));
        string blob = Path.Combine(Cache, "models--acme--tiny", "blobs", Convert.ToHexStringLower(SHA256.HashData(Weights)));
        Assert.True(File.Exists(blob));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(Path.Combine("..", "..", "blobs", Path.GetFileName(blob)),
                new FileInfo(Path.Combine(folder, "model.safetensors")).LinkTarget);
        Assert.Equal(
            [
                ("service", "GET", "api/models/acme/tiny/revision/main"),
                ("service", "HEAD", $"acme/tiny/resolve/{LoopbackHub.Commit}/config.json"),
                ("service", "GET", $"acme/tiny/resolve/{LoopbackHub.Commit}/config.json"),
                ("service", "HEAD", $"acme/tiny/resolve/{LoopbackHub.Commit}/tokenizer.json"),
                ("service", "GET", $"acme/tiny/resolve/{LoopbackHub.Commit}/tokenizer.json"),
                ("service", "HEAD", $"acme/tiny/resolve/{LoopbackHub.Commit}/model.safetensors"),
                ("service", "GET", $"acme/tiny/resolve/{LoopbackHub.Commit}/model.safetensors"),
                ("store", "GET", "store/models/acme/tiny/model.safetensors"),
            ],
            _hub.Requests.Select(r => (r.Place, r.Method, r.Path)));
    }

    [Fact]
    public async Task ModelAsync_SecondTimeAndOffline_TakesTheCache()
    {
        string folder = await BringAsync();
        _hub.Requests.Clear();
        Assert.Equal(folder, await BringAsync());
        Assert.Equal("api/models/acme/tiny/revision/main", Assert.Single(_hub.Requests).Path);
        _hub.Requests.Clear();
        Assert.Equal(folder, await BringAsync(o => o with { Offline = true }));
        Assert.Empty(_hub.Requests);
        File.Delete(Path.Combine(folder, "model.safetensors"));
        Assert.Contains("HF_HUB_OFFLINE",
            (await Assert.ThrowsAsync<HubException>(() => BringAsync(o => o with { Offline = true }))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ModelAsync_ConnectionThatBreaks_IsResumedWithTheSameBytes(bool ignoresRanges)
    {
        _hub.BreakAfter = 100_000;
        Assert.Contains("goes on from there", (await Assert.ThrowsAsync<HubException>(() => BringAsync())).Message,
            StringComparison.Ordinal);
        _hub.IgnoresRanges = ignoresRanges;
        _hub.Requests.Clear();

        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(await BringAsync(), "model.safetensors")));

        string range = _hub.Requests.Single(r => r.Place == "store").Range!;
        Assert.StartsWith("bytes=", range, StringComparison.Ordinal);
        Assert.NotEqual("bytes=0-", range);
    }

    [Fact]
    public async Task ModelAsync_WrongBytes_NeverAppearUnderTheName()
    {
        _hub.Corrupt = true;
        Assert.Contains("hash", (await Assert.ThrowsAsync<HubException>(() => BringAsync())).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(Cache, "models--acme--tiny", "snapshots", LoopbackHub.Commit, "model.safetensors")));
        _hub.Corrupt = false;
        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(await BringAsync(), "model.safetensors")));
    }

    [Fact]
    public async Task ModelAsync_Token_GoesToTheServiceAlone()
    {
        _hub.Token = "hf_test_token";
        string message = (await Assert.ThrowsAsync<HubException>(() => BringAsync())).Message;
        Assert.Contains("HF_TOKEN", message, StringComparison.Ordinal);
        Assert.Contains("acme/tiny", message, StringComparison.Ordinal);
        _hub.Requests.Clear();

        await BringAsync(o => o with { Token = "hf_test_token" });

        Assert.All(_hub.Requests, r => Assert.Equal(r.Place == "service" ? "Bearer hf_test_token" : null, r.Authorization));
        Assert.Contains(_hub.Requests, r => r.Place == "store");
        Assert.DoesNotContain("hf_test_token", (Options with { Token = "hf_test_token" }).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ModelAsync_RedirectionToAFile_IsNotFollowed()
    {
        _hub.RedirectsToPlainFile = true;
        Assert.Contains("not followed", (await Assert.ThrowsAsync<HubException>(() => BringAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ModelAsync_TwoAtOnce_DownloadOnce()
    {
        await Task.WhenAll(BringAsync(), BringAsync(), BringAsync());
        Assert.Single(_hub.Requests, r => r.Place == "store");
    }

    [Theory]
    [InlineData("models/acme/pickled", "pytorch_model.bin", "no safetensors")]
    [InlineData("models/acme/evil", "../../outside.json", "no place in a folder")]
    [InlineData("models/acme/evil2", "a\\b.json", "no place in a folder")]
    public async Task ModelAsync_WhatIsNotTaken_IsRefused(string repository, string file, string why)
    {
        _hub.With(repository, "config.json", "{}").With(repository, file, "x");
        using var client = new HubClient(Options);
        Assert.Contains(why, (await Assert.ThrowsAsync<HubException>(() => client.ModelAsync(repository["models/".Length..]))).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("acme/nosuch", "does not exist")]
    [InlineData("../x", "no name")]
    [InlineData("a/b/c", "no name")]
    [InlineData("a/..", "no name")]
    [InlineData("a b/c", "no name")]
    public async Task ModelAsync_NoSuchName_SaysSo(string name, string why)
    {
        using var client = new HubClient(Options);
        Assert.Contains(why, (await Assert.ThrowsAsync<HubException>(() => client.ModelAsync(name))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DatasetAsync_Splits_AreFoundByTheirNames()
    {
        const string data = "datasets/acme/rows";
        _hub.With(data, "data/train-00000-of-00002.parquet", "a").With(data, "data/train-00001-of-00002.parquet", "b")
            .With(data, "data/test-00000-of-00001.parquet", "c").With(data, "README.md", "x")
            .With(data, "rows.py", "x");
        using var client = new HubClient(Options);

        string train = await client.DatasetAsync("acme/rows");
        Assert.Equal(["a", "b"], Directory.EnumerateFiles(train).Order(StringComparer.Ordinal).Select(File.ReadAllText));
        Assert.Equal("c", File.ReadAllText(await client.DatasetAsync("acme/rows", "test")));
        Assert.Contains(_hub.Requests, r => r.Path == $"datasets/acme/rows/resolve/{LoopbackHub.Commit}/data/test-00000-of-00001.parquet");
        Assert.Contains("It has: test, train",
            (await Assert.ThrowsAsync<HubException>(() => client.DatasetAsync("acme/rows", "dev"))).Message, StringComparison.Ordinal);

        using var offline = new HubClient(Options with { Offline = true });
        Assert.Equal(train, await offline.DatasetAsync("acme/rows"));
    }

    [Fact]
    public async Task DatasetAsync_Configurations_MustBeNamed()
    {
        const string data = "datasets/acme/many";
        _hub.With(data, "en/train.jsonl", "1").With(data, "de/train.jsonl", "2");
        using var client = new HubClient(Options);
        Assert.Contains("acme/many:en/train", (await Assert.ThrowsAsync<HubException>(() => client.DatasetAsync("acme/many"))).Message,
            StringComparison.Ordinal);
        Assert.Equal("2", File.ReadAllText(await client.DatasetAsync("acme/many", "de/train")));
    }

    [Fact]
    public void FromEnvironment_Variables_AreThoseOfHuggingFacesTools()
    {
        HubOptions Of(params (string Name, string Value)[] variables) =>
            HubOptions.FromEnvironment(n => variables.FirstOrDefault(v => v.Name == n).Value);
        Assert.Equal("https://huggingface.co/", Of().Endpoint.AbsoluteUri);
        Assert.EndsWith(Path.Combine("huggingface", "hub"), Of().CacheFolder, StringComparison.Ordinal);
        Assert.Equal(Path.Combine("home", "hub"), Of(("HF_HOME", "home")).CacheFolder);
        Assert.Equal("cache", Of(("HF_HOME", "home"), ("HF_HUB_CACHE", "cache")).CacheFolder);
        Assert.True(Of(("HF_HUB_OFFLINE", "1")).Offline);
        Assert.False(Of(("HF_HUB_OFFLINE", "0")).Offline);
        Assert.Equal("http://mirror/", Of(("HF_ENDPOINT", "http://mirror")).Endpoint.AbsoluteUri);
        Assert.Throws<ArgumentException>(() => Of(("HF_ENDPOINT", "ftp://x")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PushAsync_ModelFolder_IsOneCommitAndTheStoreNeverSeesTheToken(bool inParts)
    {
        string folder = Directory.CreateDirectory(_folder["tuned"]).FullName;
        File.WriteAllText(Path.Combine(folder, "config.json"), "{}");
        File.WriteAllBytes(Path.Combine(folder, "model.safetensors"), Weights);
        File.WriteAllText(Path.Combine(folder, "secrets.txt"), "not this");
        _hub.PartSize = inParts ? 200_000 : null;
        using (var without = new HubClient(Options))
            Assert.Contains("HF_TOKEN", (await Assert.ThrowsAsync<HubException>(() => without.PushAsync(folder, "acme/tuned"))).Message,
                StringComparison.Ordinal);
        using var client = new HubClient(Options with { Token = "hf_test_token" });

        Assert.Equal(LoopbackHub.Commit, await client.PushAsync(folder, "acme/tuned"));

        Assert.Equal(Weights, _hub.Stored.OrderBy(s => s.Path, StringComparer.Ordinal).SelectMany(s => s.Content));
        Assert.All(_hub.Requests, r => Assert.Equal(r.Place == "service" ? "Bearer hf_test_token" : null, r.Authorization));
        string[] expected = ["api/repos/create", "api/models/acme/tuned/preupload/main", "acme/tuned.git/info/lfs/objects/batch", .. inParts
            ? (string[])["complete"] : [], "verify", "api/models/acme/tuned/commit/main"];
        Assert.Equal(expected, _hub.Bodies.Select(b => b.Path));
        string oid = Convert.ToHexStringLower(SHA256.HashData(Weights));
        Assert.Equal(
            ["""{"key":"header","value":{"summary":"Upload model","description":""}}""",
                """{"key":"file","value":{"content":"e30=","path":"config.json","encoding":"base64"}}""",
             $$$"""{"key":"lfsFile","value":{"path":"model.safetensors","algo":"sha256","oid":"{{{oid}}}","size":300000}}"""],
            _hub.Bodies.Last().Body.TrimEnd().Split('\n'));
    }

    private string Cache => Path.Combine(_folder.Root, "hub");

    private HubOptions Options => new() { Endpoint = new Uri(_hub.Address), CacheFolder = Cache };

    private async Task<string> BringAsync(Func<HubOptions, HubOptions>? change = null)
    {
        using var client = new HubClient((change ?? (o => o))(Options));
        return await client.ModelAsync("acme/tiny");
    }
}
